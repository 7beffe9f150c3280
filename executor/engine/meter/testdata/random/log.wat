;; What modules made by "wasm-opt -ttf" import: they log values, here into one number.
(module
  (global $log (export "log") (mut i64) (i64.const 0))
  (func $mix (param i64)
    (global.set $log (i64.add (i64.mul (global.get $log) (i64.const 1099511628211)) (local.get 0))))
  (func (export "log-i32") (param i32) (call $mix (i64.extend_i32_u (local.get 0))))
  (func (export "log-i64") (param i64) (call $mix (local.get 0)))
  (func (export "log-f32") (param f32) (call $mix (i64.extend_i32_u (i32.reinterpret_f32 (local.get 0)))))
  (func (export "log-f64") (param f64) (call $mix (i64.reinterpret_f64 (local.get 0))))
  (func (export "log-v128") (param v128)
    (call $mix (i64x2.extract_lane 0 (local.get 0)))
    (call $mix (i64x2.extract_lane 1 (local.get 0)))))
