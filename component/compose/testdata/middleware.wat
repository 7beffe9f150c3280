;; Exports what it imports.
(component
  (import "id" (func $id (param "n" u32) (result u32)))
  (core func $id' (canon lower (func $id)))
  (core module $m
    (import "" "id" (func $id (param i32) (result i32)))
    (func (export "id") (param i32) (result i32) (i32.add (i32.const 1) (call $id (local.get 0)))))
  (core instance $i (instantiate $m (with "" (instance (export "id" (func $id'))))))
  (func (export "id") (param "n" u32) (result u32) (canon lift (core func $i "id"))))
