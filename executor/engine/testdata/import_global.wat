(module (import "env" "base" (global i32)))
