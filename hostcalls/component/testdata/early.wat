;; A component as tools make it, but that its program calls a function before the table of the shim is filled.
(component
  (core module $shim
    (table (export "$imports") 1 1 funcref)
    (type $f (func))
    (func (export "0") (type $f) i32.const 0 call_indirect (type $f)))
  (core instance $shim (instantiate $shim))
  (core module $main
    (import "host" "yield" (func $yield))
    (func $start call $yield)
    (start $start)
    (func (export "f")))
  (core instance $main (instantiate $main (with "host" (instance (export "yield" (func $shim "0"))))))
  (core module $fixup
    (import "" "0" (func $actual))
    (import "" "$imports" (table 1 1 funcref))
    (elem (i32.const 0) func $actual))
  (core func $cancel (canon task.cancel))
  (core instance (instantiate $fixup (with "" (instance
    (export "0" (func $cancel))
    (export "$imports" (table $shim "$imports"))))))
  (func (export "f") (canon lift (core func $main "f"))))
