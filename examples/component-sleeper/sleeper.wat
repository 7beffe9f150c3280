;; A component of WASI 0.3 that sleeps. A call waits by its callback: while it sleeps it has no stack, here and in the host, but
;; a set with one subtask, the timer, and a record of 32 bytes in the memory:
;;
;;    0  the set
;;    4  the subtask
;;    8  rounds that are left
;;   12  rounds in all
;;   16  nanoseconds of a round
(component
  (import "wasi:clocks/monotonic-clock@0.3.0" (instance $clock
    (export "wait-for" (func async (param "how-long" u64)))))
  (core func $wait-for (canon lower (func $clock "wait-for") async))
  (core func $return (canon task.return (result u32)))
  (core func $cancelled (canon task.cancel))
  (core func $get-record (canon context.get i32 0))
  (core func $set-record (canon context.set i32 0))
  (core func $new-set (canon waitable-set.new))
  (core func $drop-set (canon waitable-set.drop))
  (core func $join (canon waitable.join))
  (core func $cancel-subtask (canon subtask.cancel))
  (core func $drop-subtask (canon subtask.drop))
  (core module $code
    (import "" "wait-for" (func $wait-for (param i64) (result i32)))
    (import "" "return" (func $return (param i32)))
    (import "" "cancelled" (func $cancelled))
    (import "" "get-record" (func $get-record (result i32)))
    (import "" "set-record" (func $set-record (param i32)))
    (import "" "new-set" (func $new-set (result i32)))
    (import "" "drop-set" (func $drop-set (param i32)))
    (import "" "join" (func $join (param i32 i32)))
    (import "" "cancel-subtask" (func $cancel-subtask (param i32) (result i32)))
    (import "" "drop-subtask" (func $drop-subtask (param i32)))

    (memory 1)
    (global $end (mut i32) (i32.const 32)) ;; of the records
    (global $free (mut i32) (i32.const 0)) ;; the first record that is free, which has the next one

    (func $new-record (result i32) (local $r i32)
      (if (local.tee $r (global.get $free)) (then
        (global.set $free (i32.load (local.get $r)))
        (return (local.get $r))))
      (local.set $r (global.get $end))
      (global.set $end (i32.add (local.get $r) (i32.const 32)))
      (if (i32.gt_u (global.get $end) (i32.shl (memory.size) (i32.const 16))) (then
        (if (i32.lt_s (memory.grow (i32.const 1)) (i32.const 0)) (then unreachable))))
      (local.get $r))

    ;; The end of a call.
    (func $exit (param $r i32) (result i32)
      (call $drop-set (i32.load (local.get $r)))
      (i32.store (local.get $r) (global.get $free))
      (global.set $free (local.get $r))
      (i32.const 0))

    ;; What a call returns that goes on when its set has an event.
    (func $wait (param $r i32) (result i32)
      (i32.or (i32.shl (i32.load (local.get $r)) (i32.const 4)) (i32.const 2)))

    ;; Begins the next round, or returns.
    (func $next (param $r i32) (result i32) (local $status i32)
      (loop $round
        (if (i32.eqz (i32.load offset=8 (local.get $r))) (then
          (call $return (i32.load offset=12 (local.get $r)))
          (return (call $exit (local.get $r)))))
        (i32.store offset=8 (local.get $r) (i32.sub (i32.load offset=8 (local.get $r)) (i32.const 1)))
        (local.set $status (call $wait-for (i64.load offset=16 (local.get $r))))
        (br_if $round (i32.eq (local.get $status) (i32.const 2)))) ;; it has returned already
      (i32.store offset=4 (local.get $r) (i32.shr_u (local.get $status) (i32.const 4)))
      (call $join (i32.load offset=4 (local.get $r)) (i32.load (local.get $r)))
      (call $wait (local.get $r)))

    (func (export "sleep") (param $rounds i32) (param $ms i32) (result i32) (local $r i32)
      (call $set-record (local.tee $r (call $new-record)))
      (i32.store (local.get $r) (call $new-set))
      (i32.store offset=8 (local.get $r) (local.get $rounds))
      (i32.store offset=12 (local.get $r) (local.get $rounds))
      (i64.store offset=16 (local.get $r) (i64.mul (i64.extend_i32_u (local.get $ms)) (i64.const 1000000)))
      (call $next (local.get $r)))

    (func (export "callback") (param $event i32) (param $subtask i32) (param $state i32) (result i32) (local $r i32)
      (local.set $r (call $get-record))
      (if (i32.eq (local.get $event) (i32.const 6)) (then ;; the caller has cancelled the call
        (call $join (i32.load offset=4 (local.get $r)) (i32.const 0))
        (drop (call $cancel-subtask (i32.load offset=4 (local.get $r))))
        (call $drop-subtask (i32.load offset=4 (local.get $r)))
        (call $cancelled)
        (return (call $exit (local.get $r)))))
      (if (i32.ne (local.get $state) (i32.const 2)) (then
        (return (call $wait (local.get $r)))))
      (call $drop-subtask (local.get $subtask))
      (call $next (local.get $r))))
  (core instance $code (instantiate $code (with "" (instance
    (export "wait-for" (func $wait-for)) (export "return" (func $return)) (export "cancelled" (func $cancelled))
    (export "get-record" (func $get-record)) (export "set-record" (func $set-record))
    (export "new-set" (func $new-set)) (export "drop-set" (func $drop-set)) (export "join" (func $join))
    (export "cancel-subtask" (func $cancel-subtask)) (export "drop-subtask" (func $drop-subtask))))))
  (func $sleep async (param "rounds" u32) (param "ms" u32) (result u32)
    (canon lift (core func $code "sleep") async (callback (core func $code "callback"))))
  (instance $sleeping (export "sleep" (func $sleep)))
  (export "example:sleeper/sleeping" (instance $sleeping)))
