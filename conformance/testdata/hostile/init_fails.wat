;; Init refuses the metadata, at length and with a forged log line.
(module
  (memory (export "memory") 1)
  (data (i32.const 1024) "\50\00\00\00" "\00\00\01\00" "\00\10\00\00" "\00\20\00\00")
  (func (export "berth1_frame") (result i32) (i32.const 1024))
  (func (export "berth1_reserve") (param i32) (result i32) (i32.const 0))
  (func (export "berth1_call") (param i32 i32) (result i32) (i32.store (i32.const 1040) (i32.const 2048)) (i32.store (i32.const 1044) (i32.const 43)) (i32.const 68))
  (data (i32.const 2048) "\0a\1fno such database\0aFATAL forged!!\22\08database"))
