;; Two components and a string: $reverser owns a memory, $user another. A string goes over and another one comes back.
(component
  (core module $libc
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 1024))
    ;; a bump allocator, which forgets everything at reset
    (func (export "realloc") (param $old i32) (param $size i32) (param $align i32) (param $new i32) (result i32) (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
                              (i32.sub (i32.const 0) (local.get $align))))
      (global.set $next (i32.add (local.get $at) (local.get $new)))
      (memory.copy (local.get $at) (local.get $old) (local.get $size))
      (local.get $at))
    (func (export "reset") (global.set $next (i32.const 1024))))
  (component $reverser
    (import "libc" (core module $libc
      (export "memory" (memory 1))
      (export "realloc" (func (param i32 i32 i32 i32) (result i32)))
      (export "reset" (func))))
    (core instance $l (instantiate $libc))
    (core module $m
      (import "libc" "memory" (memory 1))
      (import "libc" "reset" (func $reset))
      (func (export "reverse") (param $p i32) (param $n i32) (result i32) (local $i i32)
        ;; in bytes, to 512 and up
        loop
          (if (i32.lt_u (local.get $i) (local.get $n)) (then
            (i32.store8 (i32.add (i32.const 512) (local.get $i))
              (i32.load8_u (i32.sub (i32.sub (i32.add (local.get $p) (local.get $n)) (i32.const 1)) (local.get $i))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br 1)))
        end
        (i32.store (i32.const 16) (i32.const 512))
        (i32.store (i32.const 20) (local.get $n))
        (i32.const 16))
      (func (export "post") (param i32) (call $reset)))
    (core instance $i (instantiate $m (with "libc" (instance $l))))
    (func (export "reverse") (param "s" string) (result string)
      (canon lift (core func $i "reverse") (memory (core memory $l "memory")) (realloc (core func $l "realloc")) (post-return (core func $i "post")))))
  (component $user
    (import "libc" (core module $libc
      (export "memory" (memory 1))
      (export "realloc" (func (param i32 i32 i32 i32) (result i32)))
      (export "reset" (func))))
    (import "reverse" (func $reverse (param "s" string) (result string)))
    (core instance $l (instantiate $libc))
    (core func $lowered (canon lower (func $reverse) (memory (core memory $l "memory")) (realloc (core func $l "realloc"))))
    (core module $m
      (import "libc" "reset" (func $reset))
      (import "host" "reverse" (func $reverse (param i32 i32 i32)))
      (func (export "relay") (param $p i32) (param $n i32) (result i32)
        (call $reverse (local.get $p) (local.get $n) (i32.const 16))
        (i32.const 16))
      (func (export "post") (param i32) (call $reset)))
    (core instance $i (instantiate $m (with "libc" (instance $l)) (with "host" (instance (export "reverse" (func $lowered))))))
    (func (export "relay") (param "s" string) (result string)
      (canon lift (core func $i "relay") (memory (core memory $l "memory")) (realloc (core func $l "realloc")) (post-return (core func $i "post")))))
  (instance $r (instantiate $reverser (with "libc" (core module $libc))))
  (instance $u (instantiate $user (with "libc" (core module $libc)) (with "reverse" (func $r "reverse"))))
  (export "relay" (func $u "relay")))
