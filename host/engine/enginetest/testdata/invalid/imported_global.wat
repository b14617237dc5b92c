(module (import "test" "g" (global i32)) (memory (export "memory") 1) (func (export "f")))
