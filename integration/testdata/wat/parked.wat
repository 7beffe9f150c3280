;; Goes as deep as it takes for about 400 KiB of stack, and waits there for an hour.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $f (param $n i32) (param $a i64) (param $b i64) (result i64)
    (if (i32.eqz (local.get $n))
      (then
        ;; One subscription at 0: the monotonic clock (id at 16), relative, timeout at 24.
        (i32.store (i32.const 16) (i32.const 1))
        (i64.store (i32.const 24) (i64.const 3600000000000))
        (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))
        (return (i64.const 1))))
    (i64.add
      (i64.add (local.get $a) (local.get $b))
      (call $f (i32.sub (local.get $n) (i32.const 1))
        (i64.add (local.get $a) (i64.const 1)) (i64.xor (local.get $b) (local.get $a)))))
  (func (export "_start") (drop (call $f (i32.const 4000) (i64.const 1) (i64.const 2)))))
