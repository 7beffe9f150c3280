;; Exports and imports functions of numbers.
(component
  (import "id" (func $id (param "n" u32) (result u32)))
  (core func $id' (canon lower (func $id)))
  (core module $m
    (import "" "id" (func $id (param i32) (result i32)))
    (func (export "twice") (param i32) (result i32) (i32.add (call $id (local.get 0)) (call $id (local.get 0)))))
  (core instance $i (instantiate $m (with "" (instance (export "id" (func $id'))))))
  (func (export "twice") (param "n" u32) (result u32) (canon lift (core func $i "twice"))))
