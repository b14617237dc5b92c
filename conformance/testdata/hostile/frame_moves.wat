;; The frame is at another place each time the host asks; it asks once.
(module
  (memory (export "memory") 1)
  (data (i32.const 1024) "\50\00\00\00" "\00\00\01\00" "\00\10\00\00" "\00\20\00\00")
  (func (export "berth1_frame") (result i32) (global.set $at (i32.add (global.get $at) (i32.const 88)))
    (global.get $at))
  (func (export "berth1_reserve") (param i32) (result i32) (i32.const 0))
  (func (export "berth1_call") (param i32 i32) (result i32) (i32.const 0))
  (global $at (mut i32) (i32.const 936)))
