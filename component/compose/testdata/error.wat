;; Exports a resource that app.wat has an interface of types of.
(component
  (core module $m (func (export "code") (param i32) (result i32) i32.const 7))
  (core instance $i (instantiate $m))
  (type $error (resource (rep i32)))
  (func $code (param "self" (borrow $error)) (result u32) (canon lift (core func $i "code")))
  (component $shape
    (import "error" (type $error (sub resource)))
    (import "code" (func $code (param "self" (borrow $error)) (result u32)))
    (export $error' "error" (type $error))
    (export "[method]error.code" (func $code) (func (param "self" (borrow $error')) (result u32))))
  (instance $e (instantiate $shape (with "error" (type $error)) (with "code" (func $code))))
  (export "test:io/error@0.2.3" (instance $e)))
