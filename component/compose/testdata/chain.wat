;; Exports an interface whose types come from one that it imports.
(component
  (import "test:kv/types" (instance $types
    (type $key (record (field "name" string) (field "id" u64)))
    (export "key" (type (eq $key)))))
  (alias export $types "key" (type $key))
  (core module $m
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 16)
    (func (export "len") (param i32 i32 i64) (result i32) local.get 1))
  (core instance $i (instantiate $m))
  (func $len (param "k" $key) (result u32)
    (canon lift (core func $i "len") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
  (instance $keys (export "key" (type $key)) (export "len" (func $len)))
  (export "test:kv/keys" (instance $keys)))
