;; A component that exports what it imports: it passes a stream on, and gives back what it gets for it.
(component
  (import "copy" (func $copy async (param "input" (stream u8)) (result (stream u8))))
  (core func $through (canon lower (func $copy)))
  (canon task.return (result (stream u8)) (core func $return))
  (core module $m
    (import "" "through" (func $through (param i32) (result i32)))
    (import "" "return" (func $return (param i32)))
    (func (export "callback") (param i32 i32 i32) (result i32) unreachable)
    (func (export "copy") (param i32) (result i32)
      (call $return (call $through (local.get 0)))
      (i32.const 0)))
  (core instance $m (instantiate $m (with "" (instance (export "through" (func $through)) (export "return" (func $return))))))
  (func (export "copy") async (param "input" (stream u8)) (result (stream u8))
    (canon lift (core func $m "copy") async (callback (core func $m "callback")))))
