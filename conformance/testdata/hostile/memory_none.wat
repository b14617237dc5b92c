;; There is no memory.
(module
  (global i32 (i32.const 0))
  (func (export "berth1_frame") (result i32) (i32.const 1024))
  (func (export "berth1_reserve") (param i32) (result i32) (i32.const 0))
  (func (export "berth1_call") (param i32 i32) (result i32) (i32.const 0)))
