;; Two instances of a component that defines a resource type: their types are different ones. A third component uses both.
(component
  (component $counter
    (core module $m
      (func (export "drop") (param i32))
      (func (export "get") (param i32) (result i32) local.get 0))
    (core instance $m (instantiate $m))
    (type $counter' (resource (rep i32) (dtor (core func $m "drop"))))
    (export $counter "counter" (type $counter'))
    (func (export "get") (param "self" (borrow $counter)) (result u32) (canon lift (core func $m "get")))
    (core func $new (canon resource.new $counter'))
    (core module $n
      (import "" "new" (func $new (param i32) (result i32)))
      (func (export "create") (result i32) i32.const 7 call $new))
    (core instance $n (instantiate $n (with "" (instance (export "new" (func $new))))))
    (func (export "create") (result (own $counter)) (canon lift (core func $n "create"))))
  (component $user
    (import "one" (instance $one
      (export "counter" (type $counter (sub resource)))
      (export "get" (func (param "self" (borrow $counter)) (result u32)))
      (export "create" (func (result (own $counter))))))
    (import "other" (type $other (sub resource)))
    (alias export $one "counter" (type $counter))
    (core func $get (canon lower (func $one "get")))
    (core func $create (canon lower (func $one "create")))
    (core func $drop (canon resource.drop $counter))
    (core func $drop-other (canon resource.drop $other))
    (core module $m
      (import "c" "get" (func $get (param i32) (result i32)))
      (import "c" "create" (func $create (result i32)))
      (import "c" "drop" (func $drop (param i32)))
      (import "c" "drop-other" (func (param i32)))
      (func (export "run") (result i32) (local i32 i32)
        (local.set 0 (call $create))
        (local.set 1 (call $get (local.get 0)))
        (call $drop (local.get 0))
        local.get 1))
    (core instance $m (instantiate $m (with "c" (instance
      (export "get" (func $get)) (export "create" (func $create)) (export "drop" (func $drop)) (export "drop-other" (func $drop-other))))))
    (func (export "run") (result u32) (canon lift (core func $m "run"))))
  (instance $a (instantiate $counter))
  (instance $b (instantiate $counter))
  (instance $u (instantiate $user (with "one" (instance $a)) (with "other" (type $b "counter"))))
  (export "run" (func $u "run")))
