;; Calls sleep of another component, as often as it is told, without waiting in between. Then it waits for all these calls by its
;; callback, and returns how many have returned.
(component
  (import "example:sleeper/sleeping" (instance $sleeping
    (export "sleep" (func async (param "rounds" u32) (param "ms" u32) (result u32)))))
  (core module $memory (memory (export "memory") 1))
  (core instance $memory (instantiate $memory))
  (core func $sleep (canon lower (func $sleeping "sleep") async (memory (core memory $memory "memory"))))
  (core func $return (canon task.return (result u32)))
  (core func $new-set (canon waitable-set.new))
  (core func $drop-set (canon waitable-set.drop))
  (core func $join (canon waitable.join))
  (core func $drop-subtask (canon subtask.drop))
  (core module $code
    (import "" "sleep" (func $sleep (param i32 i32 i32) (result i32)))
    (import "" "return" (func $return (param i32)))
    (import "" "new-set" (func $new-set (result i32)))
    (import "" "drop-set" (func $drop-set (param i32)))
    (import "" "join" (func $join (param i32 i32)))
    (import "" "drop-subtask" (func $drop-subtask (param i32)))

    (global $set (mut i32) (i32.const 0))
    (global $calls (mut i32) (i32.const 0))
    (global $left (mut i32) (i32.const 0)) ;; calls that sleep

    ;; Waits for the next event, or returns.
    (func $next (result i32)
      (if (global.get $left) (then
        (return (i32.or (i32.shl (global.get $set) (i32.const 4)) (i32.const 2)))))
      (call $drop-set (global.get $set))
      (call $return (global.get $calls))
      (i32.const 0))

    (func (export "crowd") (param $calls i32) (param $rounds i32) (param $ms i32) (result i32) (local $status i32)
      (global.set $set (call $new-set))
      (global.set $calls (local.get $calls))
      (loop $call
        (if (local.get $calls) (then
          (local.set $calls (i32.sub (local.get $calls) (i32.const 1)))
          (local.set $status (call $sleep (local.get $rounds) (local.get $ms) (i32.const 0))) ;; its result is at 0
          (br_if $call (i32.eq (local.get $status) (i32.const 2))) ;; it has returned already
          (global.set $left (i32.add (global.get $left) (i32.const 1)))
          (call $join (i32.shr_u (local.get $status) (i32.const 4)) (global.get $set))
          (br $call))))
      (call $next))

    (func (export "callback") (param $event i32) (param $subtask i32) (param $state i32) (result i32)
      (if (i32.eq (local.get $state) (i32.const 2)) (then
        (call $drop-subtask (local.get $subtask))
        (global.set $left (i32.sub (global.get $left) (i32.const 1)))))
      (call $next)))
  (core instance $code (instantiate $code (with "" (instance
    (export "sleep" (func $sleep)) (export "return" (func $return)) (export "new-set" (func $new-set))
    (export "drop-set" (func $drop-set)) (export "join" (func $join)) (export "drop-subtask" (func $drop-subtask))))))
  (func $crowd async (param "calls" u32) (param "rounds" u32) (param "ms" u32) (result u32)
    (canon lift (core func $code "crowd") async (callback (core func $code "callback"))))
  (export "crowd" (func $crowd)))
