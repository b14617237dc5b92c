;; The answer to Init does not decode.
(module
  (memory (export "memory") 1)
  (data (i32.const 1024) "\50\00\00\00" "\00\00\01\00" "\00\10\00\00" "\00\20\00\00")
  (func (export "berth1_frame") (result i32) (i32.const 1024))
  (func (export "berth1_reserve") (param i32) (result i32) (i32.const 0))
  (func (export "berth1_call") (param i32 i32) (result i32) (i32.store (i32.const 1040) (i32.const 2048)) (i32.store (i32.const 1044) (i32.const 4)) (i32.const 0))
  (data (i32.const 2048) "\0b\ff\ff\ff"))
