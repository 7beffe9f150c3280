;; Recursion without an end.
(module
  (memory (export "memory") 1)
  (func $f (param $n i64) (result i64)
    (i64.add (i64.const 1) (call $f (i64.add (local.get $n) (i64.const 1)))))
  (func (export "_start") (drop (call $f (i64.const 0)))))
