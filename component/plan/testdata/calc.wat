;; A component that lifts a core function with a string, and imports a host function through wit-component's kind of
;; bundle.
(component
  (import "test:host/log@1.0.0" (instance $log
    (type $level (enum "low" "high"))
    (export "level" (type $l (eq $level)))
    (export "say" (func (param "l" $l) (param "text" string)))))
  (core module $libc
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 8))
  (core module $main
    (import "host" "say" (func (param i32 i32 i32)))
    (import "env" "memory" (memory 1))
    (func (export "length") (param i32 i32) (result i32) local.get 1)
    (func (export "after") (param i32)))
  (core instance $libc (instantiate $libc))
  (core func $say (canon lower (func $log "say") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core instance $main (instantiate $main
    (with "host" (instance (export "say" (func $say))))
    (with "env" (instance $libc))))
  (func $length (param "s" string) (result u32)
    (canon lift (core func $main "length") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))
      string-encoding=utf16 (post-return (core func $main "after"))))
  (instance $api (export "length" (func $length)))
  (export "length" (func $length))
  (export "test:calc/api" (instance $api)))
