;; wat2wasm: --enable-exceptions
(module
  (memory (export "memory") 1)
  (tag $e)
  (func (export "f") (try (do (throw $e)) (catch_all))))
