;; Control flow at its edges: each export is called with many arguments, with and
;; without metering.
(module
  (import "wasi_snapshot_preview1" "sched_yield" (func $import (result i32)))
  (memory (export "memory") 2)
  (table $t 8 funcref)
  (elem (table $t) (i32.const 1) func $even $odd $sum6 $sum9 $triple)
  (global $g (mut i32) (i32.const 0))
  (type $ii (func (param i32) (result i32)))
  (type $six (func (param i32 i32 i32 i32 i32 i32) (result i32)))
  (type $nine (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))

  ;; A loop that carries two values round, and leaves one by its end.
  (func (export "loop-params") (param $n i32) (result i64)
    (local.set $n (i32.and (local.get $n) (i32.const 255)))
    (i64.const 1) (i64.const 2)
    (loop $l (param i64 i64) (result i64)
      (i64.add)
      (i64.const 3)
      (local.tee $n (i32.sub (local.get $n) (i32.const 1)))
      (i32.const 0) (i32.gt_s)
      (br_if $l)
      (i64.mul)))

  ;; Loops with parameters in each other, left by a branch with values.
  (func (export "nested-params") (param $n i32) (result i32)
    (local $m i32)
    (local.set $n (i32.and (local.get $n) (i32.const 31)))
    (block $out (result i32)
      (local.get $n)
      (loop $a (param i32) (result i32)
        (local.set $m (i32.const 5))
        (loop $b (param i32) (result i32)
          (i32.add (local.get $m))
          (br_if $out (i32.gt_u (i32.const 5000)
            (i32.add (i32.const 5001) (i32.sub (local.get $n) (i32.const 40)))))
          (local.tee $m (i32.sub (local.get $m) (i32.const 1)))
          (br_if $b))
        (local.tee $n (i32.sub (local.get $n) (i32.const 1)))
        (i32.const 0) (i32.gt_s)
        (br_if $a))))

  ;; br_table into loops, blocks, and out of the function.
  (func (export "tables") (param $n i32) (param $m i32) (result i32)
    (local $r i32)
    (local.set $m (i32.and (local.get $m) (i32.const 63)))
    (block $exit
      (loop $outer
        (br_if $exit (i32.lt_s (local.tee $m (i32.sub (local.get $m) (i32.const 1))) (i32.const 0)))
        (block $two
          (loop $inner
            (block $one
              (local.set $r (i32.add (local.get $r) (local.get $m)))
              (local.set $n (i32.rotr (local.get $n) (i32.const 3)))
              (br_if $exit (i32.lt_s (local.tee $m (i32.sub (local.get $m) (i32.const 1))) (i32.const 0)))
              (br_table $one $inner $two $outer $exit $one
                (i32.and (local.get $n) (i32.const 7))))
            (local.set $r (i32.mul (local.get $r) (i32.const 3)))
            (br_if $inner (i32.and (local.get $n) (i32.const 8))))
          (local.set $r (i32.xor (local.get $r) (i32.const 0x55))))
        (br $outer)))
    (local.get $r))

  (func (export "table-return") (param $n i32) (result i32)
    (block $a (result i32)
      (block $b (result i32)
        (i32.const 7)
        (br_table $a $b 2 (local.get $n)))
      (i32.const 1) (i32.add))
    (i32.const 2) (i32.mul))

  ;; A loop that goes back to an outer one from an inner nest, with calls outside.
  (func (export "outer-calls") (param $n i32) (result i32)
    (local $i i32) (local $s i32)
    (local.set $n (i32.and (local.get $n) (i32.const 15)))
    (loop $outer
      (local.set $s (i32.add (local.get $s) (call $triple (local.get $n))))
      (local.set $i (i32.const 7))
      (loop $inner
        (local.set $s (i32.add (local.get $s) (local.get $i)))
        (if (i32.eq (local.get $i) (local.get $n))
          (then
            (local.set $n (i32.sub (local.get $n) (i32.const 1)))
            (br $outer)))
        (br_if $inner (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $outer (i32.gt_s (local.tee $n (i32.sub (local.get $n) (i32.const 1))) (i32.const 0))))
    (local.get $s))

  ;; Tight loops, which are unrolled; one leaves a result.
  (func (export "tight") (param $n i32) (result i32)
    (local $i i32)
    (local.set $n (i32.and (local.get $n) (i32.const 1023)))
    (loop $l
      (i32.store8 (local.get $i) (local.get $i))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $i))
  (func (export "tight-result") (param $n i32) (param $s i32) (result i32)
    (block $done
      (loop $l (result i32)
        (br_if $done (i32.eqz (local.get $n)))
        (local.set $n (i32.shr_u (local.get $n) (i32.const 1)))
        (local.set $s (i32.add (i32.mul (local.get $s) (i32.const 5)) (i32.const 1)))
        (br_if $l (i32.and (local.get $s) (i32.const 3)))
        (local.get $s))
      (return))
    (i32.const -1))
  (func (export "tight-return") (param $n i32) (result i32)
    (local $i i32)
    (loop $l
      (if (i32.eq (local.get $i) (i32.and (local.get $n) (i32.const 63)))
        (then (return (i32.mul (local.get $i) (i32.const 3)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $l))
    (unreachable))

  ;; What can't be reached takes any operands.
  (func (export "dead") (param $n i32) (result i32)
    (block $a (result i32)
      (if (result i32) (local.get $n)
        (then
          (br $a (i32.const 4))
          (i32.add)
          (loop (unreachable) (drop) (br_if 0))
          (block (result i64) (unreachable))
          (drop))
        (else
          (if (i32.const 1) (then (return (i32.const 9))) (else (unreachable) (drop)))
          (i32.const 2)))
      (drop)
      (loop $l (result i32)
        (br $a (i32.const 11))
        (drop)
        (br_table $l $l (i32.const 0))))
    (return)
    (select)
    (call_indirect (type $ii) (i32.const 0)))
  (func (export "dead-loop") (param $n i32) (result i32)
    (loop $l (result i32)
      (if (local.get $n)
        (then
          (local.set $n (i32.shr_u (local.get $n) (i32.const 1)))
          (br $l)))
      (return (i32.const 3))))

  ;; Ways that meet with different costs.
  (func (export "diamonds") (param $n i32) (result i32)
    (block $x
      (br_if $x (i32.eqz (local.get $n)))
      (local.set $n (i32.div_u (i32.const 1000000) (local.get $n)))
      (br_if $x (i32.lt_u (local.get $n) (i32.const 100)))
      (if (i32.and (local.get $n) (i32.const 1))
        (then (local.set $n (i32.mul (local.get $n) (i32.const 3))))
        (else
          (br_if $x (i32.and (local.get $n) (i32.const 2)))
          (local.set $n (i32.add (i32.xor (local.get $n) (i32.const 5)) (i32.const 1)))))
      (if (i32.and (local.get $n) (i32.const 4)) (then (br $x)) (else (local.set $n (i32.clz (local.get $n))))))
    (local.get $n))

  (func (export "if-params") (param $n i32) (result i32 i64)
    (local.get $n) (i64.extend_i32_s (local.get $n))
    (local.get $n)
    (if (param i32 i64) (result i32 i64)
      (then (i64.const 1) (i64.add))
      (else (drop) (i64.const 2))))

  (func (export "br-if-value") (param $n i32) (result i32)
    (drop (br_if 0 (i32.const 1) (i32.eq (local.get $n) (i32.const 3))))
    (block $b (result i32)
      (drop (i32.div_u (i32.const 9) (br_if $b (i32.const 5) (i32.gt_u (local.get $n) (i32.const 4)))))
      (local.get $n)))

  ;; Recursion, direct, mutual and by the table; results of several values.
  (func $even (type $ii)
    (if (result i32) (i32.eqz (local.get 0))
      (then (i32.const 1))
      (else (call $odd (i32.sub (local.get 0) (i32.const 1))))))
  (func $odd (type $ii)
    (if (result i32) (i32.eqz (local.get 0))
      (then (i32.const 0))
      (else (call_indirect (type $ii) (i32.sub (local.get 0) (i32.const 1)) (i32.const 1)))))
  (func (export "mutual") (param i32) (result i32)
    (call $even (i32.and (local.get 0) (i32.const 255))))
  (func $split (param $n i32) (result i32 i64)
    (local $a i32) (local $b i64)
    (if (i32.lt_s (local.get $n) (i32.const 1)) (then (return (i32.const 1) (i64.const 2))))
    (call $split (i32.sub (local.get $n) (i32.const 1)))
    (local.set $b) (local.set $a)
    (br_if 0 (local.get $a) (local.get $b) (i32.gt_u (local.get $a) (i32.const 1000)))
    (i64.add (i64.extend_i32_u (local.get $n)))
    (local.set $b)
    (drop)
    (i32.add (local.get $a) (i32.const 3))
    (local.get $b))
  (func (export "results") (param i32) (result i32 i64)
    (call $split (i32.and (local.get 0) (i32.const 511))))
  (func $triple (type $ii) (i32.mul (local.get 0) (i32.const 3)))

  ;; Tail calls: with all in registers, with arguments on the stack, by the
  ;; table, of an import, out of a loop.
  (func $sum6 (type $six)
    (if (i32.eqz (local.get 0)) (then (return (local.get 5))))
    (return_call $sum6 (i32.sub (local.get 0) (i32.const 1)) (local.get 1) (local.get 2) (local.get 3) (local.get 4)
      (i32.add (local.get 5) (local.get 1))))
  (func $sum9 (type $nine)
    (loop $l
      (if (i32.eqz (local.get 0)) (then (return (local.get 8))))
      (if (i32.and (local.get 0) (i32.const 1))
        (then
          (return_call_indirect (type $nine) (i32.sub (local.get 0) (i32.const 1)) (local.get 1) (local.get 2)
            (local.get 3) (local.get 4) (local.get 5) (local.get 6) (local.get 7)
            (i32.add (local.get 8) (local.get 7)) (i32.const 4))))
      (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
      (br $l))
    (unreachable))
  (func (export "tail6") (param $n i32) (result i32)
    (call $sum6 (i32.and (local.get $n) (i32.const 0xffff)) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6)))
  (func (export "tail9") (param $n i32) (result i32)
    (call $sum9 (i32.and (local.get $n) (i32.const 0xff)) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5)
      (i32.const 6) (i32.const 7) (i32.const 8) (i32.const 9)))
  (func (export "tail-indirect") (param $n i32) (result i32)
    (return_call_indirect (type $ii) (i32.and (local.get $n) (i32.const 63)) (i32.and (local.get $n) (i32.const 7))))
  (func (export "tail-import") (result i32) (return_call $import))

  ;; Calls that never return, in a loop.
  (func $fail (unreachable))
  (func (export "fails") (param $n i32) (result i32)
    (local $i i32)
    (loop $l
      (if (i32.eq (local.get $i) (local.get $n)) (then (call $fail) (unreachable)))
      (i32.store (i32.const 64) (local.get $i))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 20))))
    (local.get $i))

  ;; Vectors, and traps in loops.
  (func (export "vectors") (param $n i32) (result i32)
    (local $v v128)
    (local.set $n (i32.and (local.get $n) (i32.const 127)))
    (loop $l
      (local.set $v (i32x4.add (local.get $v) (i32x4.splat (local.get $n))))
      (local.set $v (v128.xor (local.get $v) (v128.const i32x4 1 2 3 4)))
      (br_if $l (i32.gt_s (local.tee $n (i32.sub (local.get $n) (i32.const 1))) (i32.const 0))))
    (i32x4.extract_lane 2 (i32x4.extmul_low_i16x8_s (local.get $v) (local.get $v))))
  (func (export "divides") (param $n i32) (result i32)
    (local $s i32)
    (local.set $n (i32.and (local.get $n) (i32.const 15)))
    (loop $l
      (local.set $s (i32.add (local.get $s) (i32.div_s (i32.const 100) (local.get $n))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br $l))
    (local.get $s))

  (func (export "globals") (param i32) (result i32)
    (loop $l
      (global.set $g (i32.add (global.get $g) (i32.const 1)))
      (br_if $l (i32.lt_u (global.get $g) (i32.and (local.get 0) (i32.const 63)))))
    (global.get $g))
  (func (export "grow") (param i32) (result i32)
    (drop (memory.grow (i32.and (local.get 0) (i32.const 1))))
    (memory.size)))
