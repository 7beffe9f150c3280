;; Traps at once.
(module
  (memory (export "memory") 1)
  (func $inner unreachable)
  (func $main (export "_start") (call $inner)))
