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
(component
  (type $i (instance (export "r" (type $r (sub resource))) (export "f" (func (param "x" (own $r))))))
  (export "i" (type $i)))
(assert_invalid
  (component
    (type $i (instance (type $x (record (field "a" u8))) (export "f" (func (param "x" $x)))))
    (export "i" (type $i)))
  "\"i\" refers to a type that has no name outside")
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

;; Aliases
(component
  (import "i" (instance $i (export "t" (type (sub resource))) (export "f" (func)) (export "j" (instance (export "g" (func))))))
  (alias export $i "t" (type $t))
  (alias export $i "f" (func $f))
  (alias export $i "j" (instance $j))
  (alias export $j "g" (func $g))
  (export "f" (func $f))
  (export "g" (func $g)))
(assert_invalid
  (component (import "i" (instance $i)) (alias export $i "f" (func)))
  "instance 0 has no export named \"f\"")
(assert_invalid
  (component (import "i" (instance $i (export "f" (func)))) (alias export $i "f" (instance)))
  "the export \"f\" of instance 0 is a function, not an instance")
(component (type $t (list u8)) (component (alias outer 1 0 (type)) (export "t" (type 0))))
(assert_invalid
  (component (import "r" (type $r (sub resource))) (component (alias outer 1 0 (type))))
  "the alias of type index 0 outside of the component depends on resource types there")
(component (import "r" (type $r (sub resource))) (type (instance (alias outer 1 0 (type)) (export "f" (func (param "x" (own 0)))))))
(assert_invalid
  (component (import "r" (type $r (sub resource))) (type (component (alias outer 1 0 (type)) (import "f" (func (param "x" (own 0)))))))
  "\"f\" refers to a type that has no name outside")
(assert_invalid (component (component (alias outer 2 0 (type)))) "nothing is 2 components outwards")
(assert_invalid
  (component (import "f" (func $f)) (type (component (import "i" (instance $i (export "f" (func)))) (alias export $i "f" (func)))))
  "a type has aliases of types, and of exported instances, only")

;; Instantiation
(component
  (import "f" (func $f (param "x" string) (result u8)))
  (component $c
    (import "i" (instance $i (export "f" (func (param "x" string) (result u8)))))
    (alias export $i "f" (func $f))
    (export "g" (func $f)))
  (instance $i (export "f" (func $f)) (export "more" (func $f)))
  (instance $c (instantiate $c (with "i" (instance $i))))
  (alias export $c "g" (func $g))
  (export "g" (func $g)))
(assert_invalid
  (component (component $c (import "f" (func))) (instance (instantiate $c)))
  "component 0 cannot be instantiated with these arguments: \"f\" is missing")
(assert_invalid
  (component
    (import "f" (func $f (param "x" (list u8))))
    (component $c (import "f" (func (param "x" (list u16)))))
    (instance (instantiate $c (with "f" (func $f)))))
  "\"f\": parameter \"x\": element: it is u8, not u16")
(assert_invalid
  (component
    (import "f" (func $f))
    (component $c (import "f" (func)))
    (instance (instantiate $c (with "f" (func $f)) (with "f" (func $f)))))
  "argument \"f\" is given twice")
(assert_invalid
  (component
    (component $d (import "f" (func)) (import "g" (func)))
    (component $c (import "d" (component (import "f" (func)))))
    (instance (instantiate $c (with "d" (component $d)))))
  "\"d\": import \"g\" is missing")
(component
  (component $d (instance $i) (export "i" (instance $i)))
  (component $c (import "d" (component (import "f" (func)))))
  (instance (instantiate $c (with "d" (component $d)))))

;; Resource types
(component
  (component $c
    (type $r (resource (rep i32)))
    (export $r' "r" (type $r))
    (core module $m (func (export "f") (param i32)))
    (core instance $m (instantiate $m))
    (func $f (param "x" (own $r')) (canon lift (core func $m "f")))
    (export "f" (func $f)))
  (component $d
    (import "r" (type $r (sub resource)))
    (import "f" (func (param "x" (own $r)))))
  (instance $c1 (instantiate $c))
  (alias export $c1 "r" (type $r1))
  (alias export $c1 "f" (func $f1))
  (instance (instantiate $d (with "r" (type $r1)) (with "f" (func $f1)))))
(assert_invalid
  (component
    (component $c
      (type $r (resource (rep i32)))
      (export $r' "r" (type $r))
      (core module $m (func (export "f") (param i32)))
      (core instance $m (instantiate $m))
      (func $f (param "x" (own $r')) (canon lift (core func $m "f")))
      (export "f" (func $f)))
    (component $d
      (import "r" (type $r (sub resource)))
      (import "f" (func (param "x" (own $r)))))
    (instance $c1 (instantiate $c))
    (instance $c2 (instantiate $c))
    (alias export $c1 "r" (type $r1))
    (alias export $c2 "f" (func $f2))
    (instance (instantiate $d (with "r" (type $r1)) (with "f" (func $f2)))))
  "\"f\": parameter \"x\": it is own of another resource type")
(component
  (import "a" (instance $a (export "r" (type (sub resource)))))
  (alias export $a "r" (type $r))
  (import "b" (instance $b (export "s" (type (eq $r))) (export "f" (func (result (own $r))))))
  (alias export $b "f" (func $f))
  (export "f" (func $f)))
(assert_invalid
  (component
    (type $r (resource (rep i32)))
    (core module $m (func (export "f") (result i32) unreachable))
    (core instance $m (instantiate $m))
    (func $f (result (own $r)) (canon lift (core func $m "f")))
    (export "f" (func $f)))
  "\"f\" refers to a type that has no name outside")
(assert_invalid (component (type (component (type (resource (rep i32)))))) "a type cannot define a resource type")
(assert_invalid
  (component (core module $m (func (export "d"))) (core instance $m (instantiate $m)) (type (resource (rep i32) (dtor (core func $m "d")))))
  "the destructor is a (func), not a (func (param i32))")
(assert_invalid
  (component (import "r" (type $r (sub resource))) (core func (canon resource.rep $r)))
  "type index 0 is not a resource type that this component defines")
(component (import "r" (type $r (sub resource))) (core func (canon resource.drop $r)))

;; Names
(component
  (import "r" (type $r (sub resource)))
  (import "[constructor]r" (func (result (own $r))))
  (import "[method]r.m" (func (param "self" (borrow $r))))
  (import "[static]r.s" (func))
  (import "a:b/c" (instance)) (import "a:b/c@1.2.3" (instance)) (import "url=<https://example.com>" (component)))
(assert_invalid (component (import "[method]r.m" (func))) "the first parameter of a method is self: borrow<r>")
(assert_invalid
  (component
    (import "q" (type $q (sub resource)))
    (import "[method]r.m" (func (param "self" (borrow $q)))))
  "import \"[method]r.m\": its resource type is called \"q\" here")
(assert_invalid
  (component (import "r" (type $r (sub resource))) (import "[constructor]r" (func (result u8))))
  "a constructor returns own<r>, or a result with it")
(assert_invalid (component (import "a" (func)) (import "A" (func))) "import name \"A\" conflicts with the previous name \"a\"")
(assert_invalid (component (import "f" (func $f)) (export "url=<https://example.com>" (func $f))) "is not a name for exports")
(assert_invalid (component (import "a:b/c@1.2" (instance))) "is not a version")
(assert_invalid (component (import "a" (implements "a") (instance))) "which is not the name of an interface")
(assert_invalid (component (import "a" (implements "a:b/c") (func))) "only instances can have the attribute implements")

;; Types of exports
(component
  (import "i" (instance $i (export "f" (func)) (export "g" (func))))
  (export "i" (instance $i) (instance (export "f" (func)))))
(assert_invalid
  (component (import "i" (instance $i)) (export "i" (instance $i) (instance (export "f" (func)))))
  "what is exported as \"i\" does not have the type that is given: there is no \"f\"")

;; Core instances
(component
  (core module $a (memory (export "memory") 2 3) (table (export "table") 1 funcref) (global (export "global") i32 (i32.const 0)))
  (core module $b (import "a" "memory" (memory 1)) (import "a" "table" (table 1 funcref)) (import "a" "global" (global i32)))
  (core instance $a (instantiate $a))
  (core instance (instantiate $b (with "a" (instance $a)))))
(assert_invalid
  (component
    (core module $a (func (export "f")))
    (core module $b (import "a" "f" (func (param i64))))
    (core instance $a (instantiate $a))
    (core instance (instantiate $b (with "a" (instance $a)))))
  "what core module 1 imports as \"f\" from \"a\" does not fit: it is a (func), not a (func (param i64))")
(assert_invalid
  (component (core module $b (import "a" "f" (func))) (core instance (instantiate $b)))
  "core module 0 imports from \"a\", which is not given")
(assert_invalid
  (component
    (core module $a (memory (export "m") 1))
    (core module $b (import "a" "m" (memory 2)))
    (core instance $a (instantiate $a))
    (core instance (instantiate $b (with "a" (instance $a)))))
  "its size is at least 1, not 2")
(assert_invalid
  (component (core module (import "a" "f" (func)) (import "a" "f" (func))))
  "the core module imports \"f\" from \"a\" twice")
(component
  (core type $f (func (param i32)))
  (core type $m (module (alias outer 1 $f (type $g)) (import "a" "f" (func (type $g))) (export "m" (memory 1))))
  (import "m" (core module (type $m))))
(assert_invalid
  (component
    (core type $m (module (export "f" (func))))
    (component $c (import "m" (core module (export "g" (func)))))
    (import "m" (core module $x (type $m)))
    (instance (instantiate $c (with "m" (core module $x)))))
  "it does not export \"g\"")

;; Canonical functions
(assert_invalid
  (component (import "f" (func $f (param "x" string))) (core func (canon lower (func $f))))
  "the canonical option memory is missing")
(assert_invalid
  (component
    (core module $m (memory (export "m") 1))
    (core instance $m (instantiate $m))
    (import "f" (func $f (result string)))
    (core func (canon lower (func $f) (memory (core memory $m "m")))))
  "the canonical option realloc is missing")
(assert_invalid
  (component
    (core module $m (func (export "f") (param i32)))
    (core instance $m (instantiate $m))
    (func (param "x" u64) (canon lift (core func $m "f"))))
  "the core function is a (func (param i32)), and the function's type asks for a (func (param i64))")
(assert_invalid
  (component
    (core module $m (func (export "f") (result i32) unreachable) (func (export "p") (param i64)))
    (core instance $m (instantiate $m))
    (func (result u8) (canon lift (core func $m "f") (post-return (core func $m "p")))))
  "post-return is a (func (param i64)), not a (func (param i32))")
(assert_invalid
  (component
    (core module $m (func (export "f")) (memory (export "m") 1) (func (export "r")))
    (core instance $m (instantiate $m))
    (func (canon lift (core func $m "f") (memory (core memory $m "m")) (realloc (core func $m "r")))))
  "realloc is a (func), not a (func (param i32 i32 i32 i32) (result i32))")
(assert_invalid
  (component (import "f" (func $f)) (core func (canon lower (func $f) string-encoding=utf8 string-encoding=utf16)))
  "the canonical option string-encoding is there twice")
(assert_invalid
  (component (import "f" (func $f)) (core func (canon lower (func $f) async)))
  "the canonical option async needs an async function type")
(component
  (core module $m
    (func (export "f") (param i32) (result i32) unreachable)
    (func (export "callback") (param i32 i32 i32) (result i32) unreachable)
    (memory (export "m") 1))
  (core instance $m (instantiate $m))
  (alias core export $m "m" (core memory $mem))
  (func async (param "x" u8) (result string)
    (canon lift (core func $m "f") async (callback (core func $m "callback")) (memory $mem)))
  (core func (canon task.return (result string) (memory $mem)))
  (type $s (stream u8))
  (core func (canon stream.new $s))
  (core func (canon stream.read $s async (memory $mem)))
  (core func (canon waitable-set.wait (memory $mem))))
(assert_invalid
  (component
    (core module $m (func (export "f") (result i32) unreachable) (func (export "callback") (param i32) (result i32) unreachable))
    (core instance $m (instantiate $m))
    (func async (canon lift (core func $m "f") async (callback (core func $m "callback")))))
  "callback is a (func (param i32) (result i32)), not a (func (param i32 i32 i32) (result i32))")
(assert_invalid (component (type $t u8) (core func (canon stream.new $t))) "type index 0 is a u8, not a stream")
(assert_invalid
  (component (type $s (stream string)) (core module $m (memory (export "m") 1)) (core instance $m (instantiate $m))
    (core func (canon stream.read $s async (memory (core memory $m "m")))))
  "the canonical option realloc is missing")
