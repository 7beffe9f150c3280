;; Exports the interfaces of app.wat that begin with test:kv, and imports test:io/error in a newer version, with more.
(component
  (import "test:io/error@0.2.7" (instance $error
    (export "error" (type $error (sub resource)))
    (export "[method]error.text" (func (param "self" (borrow $error)) (result string)))))
  (alias export $error "[method]error.text" (func $text))
  (import "test:log/log" (instance (export "log" (func (param "text" string)))))
  (core module $m
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 16)
    (func (export "has") (param i32 i32 i64) (result i32) (i64.ne (local.get 2) (i64.const 0))))
  (core instance $i (instantiate $m))
  (type $key (record (field "name" string) (field "id" u64)))
  (instance $types (export "key" (type $key)))
  (export $types' "test:kv/types" (instance $types))
  (alias export $types' "key" (type $key'))
  (func $has (param "k" $key') (result bool)
    (canon lift (core func $i "has") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
  (instance $store (export "key" (type $key')) (export "has" (func $has)))
  (export "test:kv/store" (instance $store)))
