(module (import "reactord" "yield" (func)))
