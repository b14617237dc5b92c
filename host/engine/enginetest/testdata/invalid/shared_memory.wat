;; wat2wasm: --enable-threads
(module (memory (export "memory") 1 1 shared) (func (export "f")))
