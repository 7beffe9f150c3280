;; Each export makes one host call again and again, with the most its arguments can ask for.
(module
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (memory (export "memory") 120)
  (func (export "spin") (loop $again (br $again)))
  (func (export "environment")
    (loop $again (drop (call $environ_get (i32.const 0) (i32.const 65536))) (br $again)))
  (func (export "random")
    (loop $again (drop (call $random_get (i32.const 0) (i32.const 4194304))) (br $again)))
  (func $buffers (local $i i32) ;; 1,024 of a byte
    (loop $next
      (i32.store offset=1028 (i32.shl (local.get $i) (i32.const 3)) (i32.const 1))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 1024)))))
  (func (export "writes")
    (call $buffers)
    (loop $again
      (drop (call $fd_write (i32.const 1) (i32.const 1024) (i32.const 1024) (i32.const 0)))
      (br $again)))
  (func (export "faults") ;; at the last buffer
    (call $buffers)
    (i32.store (i32.const 9208) (i32.const -1))
    (loop $again
      (drop (call $fd_write (i32.const 1) (i32.const 1024) (i32.const 1024) (i32.const 0)))
      (br $again)))
  (func (export "polls") ;; 65,536 that write to stdout
    (local $i i32)
    (loop $next
      (i32.store8 offset=65544 (i32.mul (local.get $i) (i32.const 48)) (i32.const 2))
      (i32.store offset=65552 (i32.mul (local.get $i) (i32.const 48)) (i32.const 1))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 65536))))
    (loop $again
      (drop (call $poll_oneoff (i32.const 65536) (i32.const 4194304) (i32.const 65536) (i32.const 0)))
      (br $again))))
