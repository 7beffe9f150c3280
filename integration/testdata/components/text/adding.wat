;; Two components: $adder lifts add, $user lowers it and lifts add-twice, which calls it twice.
(component
  (component $adder
    (core module $m
      (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))
    (core instance $i (instantiate $m))
    (func $add (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $i "add")))
    (export "add" (func $add)))
  (component $user
    (import "add" (func $add (param "a" u32) (param "b" u32) (result u32)))
    (core func $lowered (canon lower (func $add)))
    (core module $m
      (import "host" "add" (func $add (param i32 i32) (result i32)))
      (func (export "add-twice") (param i32 i32) (result i32)
        (call $add (call $add (local.get 0) (local.get 1)) (local.get 1)))
      ;; n calls, for measuring
      (func (export "add-times") (param $n i32) (result i32) (local $sum i32)
        loop
          local.get $n if
            (local.set $sum (call $add (local.get $sum) (i32.const 2)))
            (local.set $n (i32.sub (local.get $n) (i32.const 1)))
            br 1
          end
        end
        local.get $sum))
    (core instance $i (instantiate $m (with "host" (instance (export "add" (func $lowered))))))
    (func (export "add-twice") (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $i "add-twice")))
    (func (export "add-times") (param "n" u32) (result u32) (canon lift (core func $i "add-times"))))
  (instance $a (instantiate $adder))
  (instance $u (instantiate $user (with "add" (func $a "add"))))
  (export "add-twice" (func $u "add-twice"))
  (export "add-times" (func $u "add-times")))
