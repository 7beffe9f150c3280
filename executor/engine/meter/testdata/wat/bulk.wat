;; Memory and table operations, small and large, at the edges of what is in bounds.
(module
  (memory (export "memory") 40)
  (data (i32.const 100) "The quick brown fox jumps over the lazy dog")
  (data $passive "abcdefghijklmnopqrstuvwxyz")
  (table $t 100 1000 funcref)
  (elem $e func $f $f $f)
  (func $f)

  (func $sum (result i32)
    (local $i i32) (local $s i32)
    (loop $l
      (local.set $s (i32.add (i32.rotl (local.get $s) (i32.const 5)) (i32.load (local.get $i))))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 4))) (i32.const 2621440))))
    (local.get $s))
  (func $mess
    (local $i i32)
    (loop $l
      (i32.store (local.get $i) (i32.mul (local.get $i) (i32.const 2654435761)))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 4))) (i32.const 2621440)))))

  (func (export "fill") (param i32 i32 i32) (result i32)
    (memory.fill (local.get 0) (local.get 1) (local.get 2))
    (call $sum))
  (func (export "copy") (param i32 i32 i32) (result i32)
    (call $mess)
    (memory.copy (local.get 0) (local.get 1) (local.get 2))
    (call $sum))
  (func (export "init") (param i32 i32 i32)
    (memory.init $passive (local.get 0) (local.get 1) (local.get 2)))
  (func (export "small") (param i32 i32)
    (local $i i32)
    (loop $l
      (memory.fill (local.get 0) (local.get 1) (i32.const 100))
      (memory.copy (local.get 1) (local.get 0) (i32.const 50))
      (memory.init $passive (local.get 1) (i32.const 3) (i32.const 8))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 5)))))
  (func (export "in-loop") (param i32 i32)
    (local $i i32)
    (loop $l
      (memory.fill (local.get $i) (local.get 1) (i32.add (i32.const 100000) (local.get $i)))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 5)))))
  (func (export "y-drop") (data.drop $passive))

  (func (export "table-fill") (param i32 i32)
    (table.fill $t (local.get 0) (ref.func $f) (local.get 1)))
  (func (export "table-copy") (param i32 i32 i32)
    (table.copy $t $t (local.get 0) (local.get 1) (local.get 2)))
  (func (export "table-init") (param i32 i32 i32)
    (table.init $t $e (local.get 0) (local.get 1) (local.get 2)))
  (func (export "table-grow") (param i32) (result i32 i32)
    (local $i i32)
    (loop $l
      (drop (table.grow $t (ref.null func) (i32.and (local.get 0) (i32.const 255))))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3))))
    (table.size $t)
    (ref.is_null (table.get $t (i32.const 5))))
  (func (export "z-drop") (elem.drop $e)))
