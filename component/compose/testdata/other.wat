;; Imports as a function what app.wat imports as an instance.
(component
  (import "test:kv/types" (func))
  (instance (export "test:kv/store")))
