;; Components, valid and not, with a part of what Check says of those that are not.

;; Index spaces
(assert_invalid (component (type (option 4))) "type index 4 is out of bounds")
(assert_invalid (component (export "f" (func 0))) "function index 0 is out of bounds")
(assert_invalid (component (import "f" (func (type 0)))) "type index 0 is out of bounds")
(assert_invalid (component (type u8) (import "f" (func (type 0)))) "type index 0 is a value type, not that of a function")
(assert_invalid (component (type (func)) (type (option 0))) "type index 0 is a function type, not a value type")
(assert_invalid (component (core type (func)) (import "m" (core module (type 0)))) "core type index 0 is not the type of a module")

;; Value types
(component
  (type (record (field "a" u8) (field "b" string)))
  (type (variant (case "a" u8) (case "b")))
  (type (list 0)) (type (tuple 0 1)) (type (flags "a" "b")) (type (enum "a" "b")) (type (option 2))
  (type (result)) (type (result 0)) (type (result (error 1))) (type (map string 2)) (type (stream 0)) (type (future)))
(assert_invalid (component (type (record))) "the record has no fields")
(assert_invalid (component (type (record (field "a" u8) (field "A" u8)))) "field name \"A\" conflicts with the previous name \"a\"")
(assert_invalid (component (type (enum "a_b"))) "case name \"a_b\" is not in kebab case")
(assert_invalid (component (type (map f32 u8))) "the keys of a map cannot be of type f32")
(assert_invalid
  (component (import "r" (type (sub resource))) (type (borrow 0)) (type (stream 1)))
  "a stream cannot hold borrowed handles")
(assert_invalid
  (component (import "r" (type (sub resource))) (type (borrow 0)) (type (func (result (list 1)))))
  "a result cannot have borrowed handles")
(assert_invalid (component (type u8) (type (own 0))) "type index 0 is a value type, not a resource type")

;; Types that have no name outside
(component
  (type $t' (record (field "a" u8)))
  (import "t" (type $t (eq $t')))
  (import "f" (func (param "x" (list $t)))))
(assert_invalid
  (component
    (type $t (record (field "a" u8)))
    (import "f" (func (param "x" (list $t)))))
  "\"f\" refers to a type that has no name outside")
(assert_invalid
  (component
    (import "r" (type $r (sub resource)))
    (import "i" (instance $i (export "r" (type (sub resource)))))
    (alias export $i "r" (type $s))
    (type $f (func (param "x" (own $s))))
    (component $c (import "r" (type (sub resource))) (import "f" (func (param "x" (own 0)))))
    (import "f" (func $g (type $f)))
    (instance (instantiate $c (with "r" (type $r)) (with "f" (func $g)))))
  "\"f\": parameter \"x\": it is own<r> of another resource type")
