;; imports both forms of one function, by the same name
(module
  (import "forms" "f" (func $one (param i32) (result i32)))
  (import "forms" "f" (func $two (param i32 i32) (result i32)))
  (func (export "one") (result i32) (call $one (i32.const 1)))
  (func (export "two") (result i32) (call $two (i32.const 1) (i32.const 2))))
