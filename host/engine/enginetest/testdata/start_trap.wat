(module
  (memory (export "memory") 1)
  (start $start)
  (func $start (unreachable)))
