;; Exports only the types of app.wat.
(component
  (type $key (record (field "name" string) (field "id" u64)))
  (instance $types (export "key" (type $key)))
  (export "test:kv/types" (instance $types)))
