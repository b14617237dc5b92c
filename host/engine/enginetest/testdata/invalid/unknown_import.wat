(module (import "test" "no_such_function" (func)) (memory (export "memory") 1) (func (export "f")))
