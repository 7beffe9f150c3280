(module (import "test" "call" (func (param i32 f64))))
