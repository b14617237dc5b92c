;; wat2wasm: --enable-memory64
(module (memory (export "memory") i64 1) (func (export "f")))
