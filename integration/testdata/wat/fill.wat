;; Fills 100 MiB of memory in one instruction, again and again.
(module
  (memory (export "memory") 1600)
  (func (export "_start")
    (loop $again
      (memory.fill (i32.const 0) (i32.const 1) (i32.const 104857600))
      (br $again))))
