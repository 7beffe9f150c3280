;; Grows its memory page by page for ever, whether it gets any or not, and touches what it gets.
(module
  (memory (export "memory") 1)
  (func (export "_start")
    (local $page i32)
    (loop $again
      (local.set $page (memory.grow (i32.const 1)))
      (if (i32.ne (local.get $page) (i32.const -1))
        (then (i32.store (i32.shl (local.get $page) (i32.const 16)) (i32.const 1))))
      (br $again))))
