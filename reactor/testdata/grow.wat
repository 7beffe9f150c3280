;; Prints a line, grows to 8 MiB, a MiB every 20 ms, and ends. It traps if memory.grow says no.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\08\00\00\00\05\00\00\00grow\n")
  (func (export "_start") (local $left i32)
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 96)))
    ;; subscription at 128: userdata 0, tag 0 (clock), id 1 (monotonic), timeout, precision, flags
    (i32.store (i32.const 144) (i32.const 1))
    (i64.store (i32.const 152) (i64.const 20000000))
    (local.set $left (i32.const 8))
    (loop $again
      (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
      (drop (call $poll (i32.const 128) (i32.const 256) (i32.const 1) (i32.const 512)))
      (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))))
