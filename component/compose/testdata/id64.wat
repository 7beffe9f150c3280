;; What it exports has another type than id.wat.
(component
  (core module $m (func (export "id") (param i64) (result i64) local.get 0))
  (core instance $i (instantiate $m))
  (func (export "id") (param "n" u64) (result u64) (canon lift (core func $i "id"))))
