(module (import "test" "tick" (func (param i64) (result i32))) (memory (export "memory") 1) (func (export "f")))
