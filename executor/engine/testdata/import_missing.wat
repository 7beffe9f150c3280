(module (import "test" "call" (func (param i32) (result i32))) (import "test" "absent" (func (param i64))))
