;; Polls for a million timers of an hour each, and exits with the errno.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1300) ;; a million of 48 bytes, a million of 32
  (func (export "_start")
    (local $at i32)
    (loop $again
      (i32.store offset=16 (local.get $at) (i32.const 1))
      (i64.store offset=24 (local.get $at) (i64.const 3600000000000))
      (local.set $at (i32.add (local.get $at) (i32.const 48)))
      (br_if $again (i32.lt_u (local.get $at) (i32.const 48000000))))
    (call $exit
      (call $poll (i32.const 0) (i32.const 48000000) (i32.const 1000000) (i32.const 84000000)))))
