;; Imports test:io/error with another type than app.wat.
(component
  (import "test:io/error@0.2.1" (instance
    (export "error" (type $error (sub resource)))
    (export "[method]error.code" (func (param "self" (borrow $error)) (result u64)))))
  (type $key (record (field "name" string) (field "id" u64)))
  (instance $types (export "key" (type $key)))
  (export "test:kv/types" (instance $types)))
