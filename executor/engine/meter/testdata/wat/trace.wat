;; A trap below named and nameless functions.
(module
  (memory 1)
  (func $outer (export "trap") (param i32) (call $inner (local.get 0)))
  (func $inner (param $n i32)
    (memory.fill (i32.const 0) (i32.const 0) (local.get $n))
    (if (local.get $n) (then (call $inner (i32.sub (local.get $n) (i32.const 1)))) (else (unreachable)))))
