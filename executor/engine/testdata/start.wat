;; The start function burns fuel, calls the host with the result, and keeps it.
(module
  (import "test" "call" (func $call (param i32) (result i32)))
  (global $kept (mut i32) (i32.const 0))
  (func $start
    (local $n i32)
    (loop $l
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $l (i32.lt_u (local.get $n) (i32.const 10000))))
    (global.set $kept (call $call (local.get $n))))
  (start $start)
  (func (export "kept") (result i32) (global.get $kept))
)
