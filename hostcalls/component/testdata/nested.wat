;; A component whose child calls it back, while it calls the child: "a" calls "b" of the child, which waits until "t" of the child
;; has called "d", which waits too. Made by: wasm-tools parse nested.wat -o nested.wasm
(component
  (canon context.get i32 0 (core func $get))
  (canon context.set i32 0 (core func $set))
  (canon thread.yield (core func $yield))
  (core instance $builtins (export "get" (func $get)) (export "set" (func $set)) (export "yield" (func $yield)))
  (core module $d
    (import "" "get" (func $get (result i32)))
    (import "" "set" (func $set (param i32)))
    (import "" "yield" (func $yield (result i32)))
    (func (export "d") (result i32)
      (call $set (i32.const 9))
      (drop (call $yield)) (drop (call $yield))
      (call $get)))
  (core instance $d (instantiate $d (with "" (instance $builtins))))
  (func $d async (result u32) (canon lift (core func $d "d")))

  (component $child
    (import "d" (func $d async (result u32)))
    (core module $libc (memory (export "memory") 1))
    (core instance $libc (instantiate $libc))
    (canon lower (func $d) async (memory (core memory $libc "memory")) (core func $d'))
    (canon thread.yield (core func $yield))
    (core module $m
      (import "libc" "memory" (memory 1))
      (import "" "d" (func $d (param i32) (result i32)))
      (import "" "yield" (func $yield (result i32)))
      (func (export "b") (drop (call $yield)) (drop (call $yield)))
      (func (export "t") (result i32)
        (drop (call $yield))
        (if (i32.ne (i32.and (call $d (i32.const 16)) (i32.const 15)) (i32.const 1)) (then (unreachable)))
        (loop $more
          (drop (call $yield))
          (br_if $more (i32.eqz (i32.load (i32.const 16)))))
        (i32.load (i32.const 16))))
    (core instance $m (instantiate $m (with "libc" (instance $libc))
      (with "" (instance (export "d" (func $d')) (export "yield" (func $yield))))))
    (func (export "b") (canon lift (core func $m "b")))
    (func (export "t") async (result u32) (canon lift (core func $m "t"))))
  (instance $child (instantiate $child (with "d" (func $d))))

  (canon lower (func $child "b") (core func $b))
  (core module $a
    (import "" "get" (func $get (result i32)))
    (import "" "set" (func $set (param i32)))
    (import "" "b" (func $b))
    (func (export "a") (result i32)
      (call $set (i32.const 7))
      (call $b)
      (call $get)))
  (core instance $a (instantiate $a (with "" (instance (export "get" (func $get)) (export "set" (func $set)) (export "b" (func $b))))))
  (func (export "a") (result u32) (canon lift (core func $a "a")))
  (export "t" (func $child "t")))
