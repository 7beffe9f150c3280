;; A WASI reactor: nothing runs by itself but _initialize, and add is there to be invoked.
(module
  (memory (export "memory") 1)
  (global $base (mut i32) (i32.const 0))
  (func (export "_initialize") (global.set $base (i32.const 1000)))
  (func (export "add") (param i32 i64) (result i64)
    (i64.add (i64.extend_i32_s (global.get $base))
      (i64.add (i64.extend_i32_s (local.get 0)) (local.get 1)))))
