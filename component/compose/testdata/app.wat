;; Imports interfaces that use each other's types, in an old version, and one more.
(component
  (import "test:io/error@0.2.1" (instance $error
    (export "error" (type (sub resource)))
    (export "[method]error.code" (func (param "self" (borrow 0)) (result u32)))))
  (alias export $error "error" (type $e))
  (import "test:io/streams@0.2.1" (instance $streams
    (alias outer 1 $e (type $e'))
    (export "error" (type $error (eq $e')))
    (type $own (own $error))
    (type $state' (variant (case "open") (case "failed" $own)))
    (export "state" (type $state (eq $state')))
    (export "read" (func (result $state)))))
  (import "test:kv/types" (instance $types
    (type $key (record (field "name" string) (field "id" u64)))
    (export "key" (type (eq $key)))))
  (alias export $types "key" (type $key))
  (import "test:kv/store" (instance $store
    (alias outer 1 $key (type $key'))
    (export "key" (type $key (eq $key')))
    (export "has" (func (param "k" $key) (result bool)))))
  (alias export $streams "read" (func $read))
  (export "read" (func $read)))
