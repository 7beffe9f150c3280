(module
  (import "forms" "f" (func (param i64))))
