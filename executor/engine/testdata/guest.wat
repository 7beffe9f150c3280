;; A guest of many talents.
(module
  (import "test" "call" (func $call (param i32) (result i32)))
  (memory (export "memory") 1 40)
  (data (i32.const 8) "data")
  (global $count (mut i32) (i32.const 0))
  ;; passes on what the host answers
  (func (export "call") (param i32) (result i32) (call $call (local.get 0)))
  (func (export "spin") (loop $l (br $l)))
  ;; counts down from its parameter, and returns how many rounds that took
  (func (export "count") (param i64) (result i64)
    (local $n i64)
    (loop $l
      (local.set $n (i64.add (local.get $n) (i64.const 1)))
      (br_if $l (i64.lt_u (local.get $n) (local.get 0))))
    (local.get $n))
  ;; recurses as deep as its parameter says, then calls the host, and returns the depth
  (func $recurse (export "recurse") (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0))
      (then (call $call (i32.const 0)))
      (else (i32.add (i32.const 1) (call $recurse (i32.sub (local.get 0) (i32.const 1)))))))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "size") (result i32) memory.size)
  (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "next") (result i32)
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (global.get $count))
)
