(module (import "env" "tick" (func)) (memory (export "memory") 1) (func (export "f")))
