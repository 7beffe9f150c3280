;; Calls that wait for each other, in a component and its child. A timer goes on meanwhile, so that the component does not trap.
(component
  (import "wasi:clocks/monotonic-clock@0.3.0" (instance $clock
    (export "wait-for" (func async (param "how-long" u64)))))
  (core module $libc (memory (export "memory") 1))

  ;; A function that returns at once, when its instance lets it begin.
  (core module $begin (func (export "begin")))
  (core instance $begin (instantiate $begin))
  (func $begin async (canon lift (core func $begin "begin")))

  (component $child
    (import "begin" (func $begin async))
    (core module $libc (memory (export "memory") 1))
    (core instance $libc (instantiate $libc))
    (type $bytes (stream u8))
    (core func $begin' (canon lower (func $begin)))
    (core func $read (canon stream.read $bytes async (memory (core memory $libc "memory"))))
    (core func $new-set (canon waitable-set.new))
    (core func $join (canon waitable.join))
    (core func $wait (canon waitable-set.wait (memory (core memory $libc "memory"))))
    (core module $code
      (import "" "begin" (func $begin))
      (import "" "read" (func $read (param i32 i32 i32) (result i32)))
      (import "" "new-set" (func $new-set (result i32)))
      (import "" "join" (func $join (param i32 i32)))
      (import "" "wait" (func $wait (param i32 i32) (result i32)))
      (func (export "back") (call $begin))
      (func (export "take") (param $from i32) (local $set i32)
        (drop (call $read (local.get $from) (i32.const 64) (i32.const 16))) ;; what was written
        (drop (call $read (local.get $from) (i32.const 64) (i32.const 16))) ;; nothing comes
        (local.set $set (call $new-set))
        (call $join (local.get $from) (local.get $set))
        (drop (call $wait (local.get $set) (i32.const 0)))))
    (core instance $code (instantiate $code (with "" (instance (export "begin" (func $begin')) (export "read" (func $read))
      (export "new-set" (func $new-set)) (export "join" (func $join)) (export "wait" (func $wait))))))
    (func (export "back") async (canon lift (core func $code "back")))
    (func (export "take") async (param "from" $bytes) (canon lift (core func $code "take"))))
  (instance $child (instantiate $child (with "begin" (func $begin))))

  (core instance $libc (instantiate $libc))
  (type $bytes (stream u8))
  (core func $wait-for (canon lower (func $clock "wait-for") async))
  (core func $back (canon lower (func $child "back")))
  (core func $take (canon lower (func $child "take")))
  (core func $new (canon stream.new $bytes))
  (core func $write (canon stream.write $bytes async (memory (core memory $libc "memory"))))
  (core module $code
    (import "" "wait-for" (func $wait-for (param i64) (result i32)))
    (import "" "back" (func $back))
    (import "" "take" (func $take (param i32)))
    (import "" "new" (func $new (result i64)))
    (import "" "write" (func $write (param i32 i32 i32) (result i32)))
    (func $hour (drop (call $wait-for (i64.const 3600000000000))))
    ;; Calls the child, which calls begin, which can't begin before this ends.
    (func (export "circle") (call $hour) (call $back))
    ;; Gives the child a stream, and writes less than it reads.
    (func (export "starve") (local $ends i64)
      (call $hour)
      (local.set $ends (call $new))
      (drop (call $write (i32.wrap_i64 (i64.shr_u (local.get $ends) (i64.const 32))) (i32.const 0) (i32.const 5)))
      (call $take (i32.wrap_i64 (local.get $ends)))))
  (core instance $code (instantiate $code (with "" (instance (export "wait-for" (func $wait-for)) (export "back" (func $back))
    (export "take" (func $take)) (export "new" (func $new)) (export "write" (func $write))))))
  (func (export "circle") async (canon lift (core func $code "circle")))
  (func (export "starve") async (canon lift (core func $code "starve"))))
