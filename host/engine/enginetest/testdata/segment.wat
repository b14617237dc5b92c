;; A passive segment that stays: an instance's later use of it is part of its state.
(module
  (memory (export "memory") 1)
  (data $text "text")
  (func (export "init") (param i32) (memory.init $text (local.get 0) (i32.const 0) (i32.const 4)))
  (func (export "word") (param i32) (result i32) (i32.load (local.get 0))))
