;; A component of 10,000 component instances. Made by: wasm-tools parse crowd.wat -o crowd.wasm
(component
  (component $1)
  (component $10
    (instance (instantiate $1)) (instance (instantiate $1)) (instance (instantiate $1)) (instance (instantiate $1))
    (instance (instantiate $1)) (instance (instantiate $1)) (instance (instantiate $1)) (instance (instantiate $1))
    (instance (instantiate $1)))
  (component $100
    (instance (instantiate $10)) (instance (instantiate $10)) (instance (instantiate $10)) (instance (instantiate $10))
    (instance (instantiate $10)) (instance (instantiate $10)) (instance (instantiate $10)) (instance (instantiate $10))
    (instance (instantiate $10)) (instance (instantiate $10)))
  (component $1000
    (instance (instantiate $100)) (instance (instantiate $100)) (instance (instantiate $100)) (instance (instantiate $100))
    (instance (instantiate $100)) (instance (instantiate $100)) (instance (instantiate $100)) (instance (instantiate $100))
    (instance (instantiate $100)) (instance (instantiate $100)))
  (component $10000
    (instance (instantiate $1000)) (instance (instantiate $1000)) (instance (instantiate $1000)) (instance (instantiate $1000))
    (instance (instantiate $1000)) (instance (instantiate $1000)) (instance (instantiate $1000)) (instance (instantiate $1000))
    (instance (instantiate $1000)) (instance (instantiate $1000)))
  (instance (instantiate $10000))
  (core module $m (func (export "f")))
  (core instance $i (instantiate $m))
  (func (export "f") (canon lift (core func $i "f"))))
