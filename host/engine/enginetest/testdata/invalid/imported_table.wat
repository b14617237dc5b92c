(module (import "test" "t" (table 1 funcref)) (memory (export "memory") 1) (func (export "f")))
