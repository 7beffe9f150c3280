;; Writes 4096 blocks of 16 KiB to stdout and one line to stderr.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 32) "\30\00\00\00\05\00\00\00")
  (data (i32.const 48) "done\n")
  (func (export "_start") (local $n i32)
    (memory.fill (i32.const 1024) (i32.const 46) (i32.const 16384))
    (local.set $n (i32.const 4096))
    (loop $again
      (i32.store (i32.const 0) (i32.const 1024))
      (i32.store (i32.const 4) (i32.const 16384))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (drop (call $write (i32.const 2) (i32.const 32) (i32.const 1) (i32.const 8)))))
