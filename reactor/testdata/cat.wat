;; Copies stdin to stdout to its end.
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func $put (param $at i32) (param $n i32)
    (block $done (loop $more
      (br_if $done (i32.eqz (local.get $n)))
      (i32.store (i32.const 16) (local.get $at))
      (i32.store (i32.const 20) (local.get $n))
      (if (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)) (then unreachable))
      (local.set $at (i32.add (local.get $at) (i32.load (i32.const 24))))
      (local.set $n (i32.sub (local.get $n) (i32.load (i32.const 24))))
      (br $more))))
  (func (export "_start")
    (block $end (loop $again
      (i32.store (i32.const 0) (i32.const 1024))
      (i32.store (i32.const 4) (i32.const 65536))
      (if (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))
      (br_if $end (i32.eqz (i32.load (i32.const 8))))
      (call $put (i32.const 1024) (i32.load (i32.const 8)))
      (br $again)))))
