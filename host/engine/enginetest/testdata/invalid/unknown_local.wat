;; wat2wasm: --no-check
(module (memory (export "memory") 1) (func (export "f") (drop (local.get 0)) ))
