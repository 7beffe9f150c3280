;; Exports a record and a resource type at the root, and functions of them.
(component
  (import "id" (func $id (param "n" u32) (result u32)))
  (core module $m
    (func (export "f") (param i32 i32) (result i32) local.get 0)
    (func (export "g") (result i32) i32.const 0))
  (core instance $i (instantiate $m))
  (type $point' (record (field "x" u32) (field "y" u32)))
  (export $point "point" (type $point'))
  (type $r' (resource (rep i32)))
  (export $r "r" (type $r'))
  (func $f (param "p" $point) (result u32) (canon lift (core func $i "f")))
  (export $f' "f" (func $f))
  (export "h" (func $f) (func (param "p" $point) (result u32)))
  (func (export "g") (result (own $r)) (canon lift (core func $i "g"))))
