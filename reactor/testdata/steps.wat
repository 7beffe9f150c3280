;; Grows by a MiB for each byte of stdin and then writes a dot. It traps if memory.grow says no.
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  ;; a byte at 64 to read to, and the dot at 65
  (data (i32.const 0) "\40\00\00\00\01\00\00\00\41\00\00\00\01\00\00\00")
  (data (i32.const 65) ".")
  (func (export "_start")
    (block $end (loop $again
      (if (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 32)) (then unreachable))
      (br_if $end (i32.eqz (i32.load (i32.const 32))))
      (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
      (if (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 32)) (then unreachable))
      (br $again)))))
