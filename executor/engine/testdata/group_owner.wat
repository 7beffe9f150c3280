;; Owns what the other modules of a group share.
(module $owner
  (memory (export "memory") 1 4)
  (table (export "table") 4 8 funcref)
  (global (export "base") i32 (i32.const 256))
  (global (export "") (mut i32) (i32.const 7))
  (type $i (func (param i32) (result i32)))
  (data (i32.const 0) "owner")
  (elem (i32.const 0) $twice)
  (func $twice (export "twice") (type $i) (i32.mul (local.get 0) (i32.const 2)))
  ;; Calls what is in the table, which may be a function of another module.
  (func (export "through") (param i32 i32) (result i32)
    (call_indirect (type $i) (local.get 1) (local.get 0)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "byte") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "spin") (loop (br 0)))
  (func (export "trap") unreachable)
)
