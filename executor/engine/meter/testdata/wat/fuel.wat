;; The names say what the functions cost with 0 and with 5 as argument: simple
;; instructions 1, branches on a condition 5, memory accesses 5, calls 20 and what
;; is called; locals, constants and blocks nothing.
(module
  (memory 1)
  (func (export "nothing 0,0") (param i32))
  (func $add (export "add 2,2") (param i32)
    (drop (i32.add (i32.mul (local.get 0) (i32.const 3)) (i32.const 1))))
  (func (export "call 44,44") (param i32) (call $add (local.get 0)) (call $add (local.get 0)))
  (func (export "if 5,10") (param i32)
    (if (local.get 0) (then (drop (i32.load (local.get 0))))))
  (func (export "if-else 6,10") (param i32)
    (if (local.get 0)
      (then (drop (i32.load (local.get 0))))
      (else (drop (i32.clz (local.get 0))))))
  (func (export "chain 11,19") (param i32)
    (block $out
      (br_if $out (i32.eqz (local.get 0)))
      (drop (i32.clz (local.get 0)))
      (br_if $out (i32.eq (local.get 0) (i32.const 7)))
      (drop (i32.clz (local.get 0))))
    (drop (i32.load (local.get 0))))
  (func (export "return 5,7") (param i32)
    (if (local.get 0) (then (drop (i32.add (local.get 0) (local.get 0))) (local.set 0 (i32.const 1)) (return) ))
    (drop (local.get 0)))
  (func (export "loop 12,42") (param i32)
    (local.set 0 (i32.add (local.get 0) (i32.const 1)))
    (loop $l
      (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
      (br_if $l (local.get 0)) (br_if 1 (i32.const 1))))
  (func (export "rounds 6,46") (param i32)
    (local $i i32)
    (block $done
      (loop $l
        (br_if $done (i32.eq (local.get $i) (local.get 0)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $l)))))
