(module (import "absent" "call" (func)))
