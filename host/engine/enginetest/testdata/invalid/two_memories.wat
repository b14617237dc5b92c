;; wat2wasm: --enable-multi-memory
(module (memory (export "memory") 1) (memory 1) (func (export "f")))
