;; Writes 2 GiB to its standard output, 64 KiB at a time.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "\00\00\01\00\00\00\01\00") ;; one run: 64 KiB from 64 KiB on
  (func (export "_start")
    (local $left i32)
    (memory.fill (i32.const 65536) (i32.const 120) (i32.const 65536))
    (local.set $left (i32.const 32768))
    (loop $again
      (if (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)) (then unreachable))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $again (local.get $left)))))
