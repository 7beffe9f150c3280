;; Exports less than app.wat imports.
(component (instance (export "test:kv/store")))
