;; wat2wasm --no-check
(module (func (export "fine")) (func (export "ill") (result i32) i64.const 1))
