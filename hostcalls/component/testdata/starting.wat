;; A component that waits while it is instantiated, which it may not. Made by: wasm-tools parse starting.wat -o starting.wasm
(component
  (canon thread.yield (core func $yield))
  (core module $m
    (import "" "yield" (func $yield (result i32)))
    (func $start (drop (call $yield)))
    (start $start)
    (func (export "f")))
  (core instance $m (instantiate $m (with "" (instance (export "yield" (func $yield))))))
  (func (export "f") (canon lift (core func $m "f"))))
