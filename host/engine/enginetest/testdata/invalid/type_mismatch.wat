;; wat2wasm: --no-check
(module (memory (export "memory") 1) (func (export "f") (result i32) (i64.const 1)))
