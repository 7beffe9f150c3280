;; A component of WASI 0.3 whose functions mean harm, each in a way of its own. Made by: wasm-tools parse async.wat -o async.wasm
(component
  ;; never waits without an end, unless its call is cancelled.
  (component $patient
    (core module $code
      (import "" "task.cancel" (func $cancelled))
      (import "" "set.new" (func $new-set (result i32)))
      (global $set (mut i32) (i32.const 0))
      (func (export "never") (result i32)
        (if (i32.eqz (global.get $set)) (then (global.set $set (call $new-set))))
        (i32.or (i32.const 2) (i32.shl (global.get $set) (i32.const 4))))
      (func (export "callback") (param i32 i32 i32) (result i32)
        (call $cancelled)
        (i32.const 0)))
    (canon task.cancel (core func $task.cancel))
    (canon waitable-set.new (core func $set.new))
    (core instance $code (instantiate $code (with "" (instance
      (export "task.cancel" (func $task.cancel)) (export "set.new" (func $set.new))))))
    (func (export "never") async (canon lift (core func $code "never") async (callback (core func $code "callback")))))
  (instance $patient (instantiate $patient))

  (core module $libc (memory (export "memory") 2))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (type $bytes (stream u8))
  (canon lower (func $patient "never") async (core func $never))
  (canon subtask.cancel (core func $subtask.cancel))
  (canon subtask.drop (core func $subtask.drop))
  (canon waitable-set.new (core func $set.new))
  (canon waitable-set.wait (memory $memory) (core func $set.wait))
  (canon waitable.join (core func $join))
  (canon thread.yield (core func $yield))
  (canon stream.new $bytes (core func $stream.new))
  (canon stream.read $bytes async (memory $memory) (core func $stream.read))
  (canon stream.write $bytes async (memory $memory) (core func $stream.write))
  (canon stream.cancel-read $bytes (core func $stream.cancel-read))
  (canon stream.drop-readable $bytes (core func $drop-reader))
  (canon stream.drop-writable $bytes (core func $drop-writer))

  (core module $code
    (import "" "never" (func $never (result i32)))
    (import "" "subtask.cancel" (func $subtask.cancel (param i32) (result i32)))
    (import "" "subtask.drop" (func $subtask.drop (param i32)))
    (import "" "set.new" (func $set.new (result i32)))
    (import "" "set.wait" (func $set.wait (param i32 i32) (result i32)))
    (import "" "join" (func $join (param i32 i32)))
    (import "" "yield" (func $yield (result i32)))
    (import "" "stream.new" (func $stream.new (result i64)))
    (import "" "stream.read" (func $stream.read (param i32 i32 i32) (result i32)))
    (import "" "stream.write" (func $stream.write (param i32 i32 i32) (result i32)))
    (import "" "stream.cancel-read" (func $stream.cancel-read (param i32) (result i32)))
    (import "" "drop-reader" (func $drop-reader (param i32)))
    (import "" "drop-writer" (func $drop-writer (param i32)))
    (func $reader (param i64) (result i32) (i32.wrap_i64 (local.get 0)))
    (func $writer (param i64) (result i32) (i32.wrap_i64 (i64.shr_u (local.get 0) (i64.const 32))))

    ;; It computes, and holds its instance.
    (func (export "spin") (loop $again (br $again)))
    ;; It gives way, and goes on.
    (func (export "yield") (loop $again (drop (call $yield)) (br $again)))
    ;; It calls what never returns.
    (func (export "calls") (loop $again (drop (call $never)) (br $again)))
    ;; It calls that and cancels it.
    (func (export "cancels") (local $task i32)
      (loop $again
        (local.set $task (i32.shr_u (call $never) (i32.const 4)))
        (drop (call $subtask.cancel (local.get $task)))
        (call $subtask.drop (local.get $task))
        (br $again)))
    ;; It cancels twice.
    (func (export "cancels-twice") (local $task i32)
      (local.set $task (i32.shr_u (call $never) (i32.const 4)))
      (drop (call $subtask.cancel (local.get $task)))
      (drop (call $subtask.cancel (local.get $task))))
    ;; It writes to streams that nobody reads.
    (func (export "unread")
      (loop $again
        (drop (call $stream.write (call $writer (call $stream.new)) (i32.const 1024) (i32.const 65536)))
        (br $again)))
    ;; It sends itself one byte after the other.
    (func (export "single-bytes") (local $ends i64) (local $set i32)
      (local.set $ends (call $stream.new))
      (local.set $set (call $set.new))
      (call $join (call $writer (local.get $ends)) (local.get $set))
      (loop $again
        (drop (call $stream.write (call $writer (local.get $ends)) (i32.const 1024) (i32.const 1)))
        (drop (call $stream.read (call $reader (local.get $ends)) (i32.const 2048) (i32.const 1)))
        (drop (call $set.wait (local.get $set) (i32.const 16)))
        (br $again)))
    ;; It drops ends of streams, the one that is read from first and last, also one whose copy it has just cancelled.
    (func (export "drops") (local $ends i64)
      (loop $again
        (local.set $ends (call $stream.new))
        (call $drop-reader (call $reader (local.get $ends)))
        (call $drop-writer (call $writer (local.get $ends)))
        (local.set $ends (call $stream.new))
        (drop (call $stream.read (call $reader (local.get $ends)) (i32.const 2048) (i32.const 8)))
        (drop (call $stream.cancel-read (call $reader (local.get $ends))))
        (call $drop-writer (call $writer (local.get $ends)))
        (call $drop-reader (call $reader (local.get $ends)))
        (br $again))))
  (core instance $code (instantiate $code (with "" (instance
    (export "never" (func $never)) (export "subtask.cancel" (func $subtask.cancel)) (export "subtask.drop" (func $subtask.drop))
    (export "set.new" (func $set.new)) (export "set.wait" (func $set.wait)) (export "join" (func $join)) (export "yield" (func $yield))
    (export "stream.new" (func $stream.new)) (export "stream.read" (func $stream.read)) (export "stream.write" (func $stream.write))
    (export "stream.cancel-read" (func $stream.cancel-read)) (export "drop-reader" (func $drop-reader)) (export "drop-writer" (func $drop-writer))))))
  (func (export "spin") async (canon lift (core func $code "spin")))
  (func (export "yield") async (canon lift (core func $code "yield")))
  (func (export "calls") async (canon lift (core func $code "calls")))
  (func (export "cancels") async (canon lift (core func $code "cancels")))
  (func (export "cancels-twice") async (canon lift (core func $code "cancels-twice")))
  (func (export "unread") async (canon lift (core func $code "unread")))
  (func (export "single-bytes") async (canon lift (core func $code "single-bytes")))
  (func (export "drops") async (canon lift (core func $code "drops"))))
