;; Code that runs before the host has the instance.
(module
  (global $n (export "n") (mut i32) (i32.const 0))
  (func $start
    (loop $l
      (global.set $n (i32.add (global.get $n) (call $id (i32.const 1))))
      (br_if $l (i32.lt_u (global.get $n) (i32.const 10000)))))
  (func $id (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (return (call $id (i32.const 1)))))
    (local.get 0))
  (start $start))
