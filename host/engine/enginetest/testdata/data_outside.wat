;; The second segment lies outside the memory.
(module
  (memory (export "memory") 1)
  (data (i32.const 0) "inside")
  (data (i32.const 65533) "outside"))
