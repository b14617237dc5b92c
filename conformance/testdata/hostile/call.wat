;; A state store that answers every get with "ok", unless the key is a number
;; of two digits: then it does what stands at that number in the table below.
;;
;; Memory: the frame at 1024, the request at 4096 (8 KiB), the answer at 16384.
(module
  (import "berth1_core" "log" (func $log (param i32 i32 i32) (result i32)))
  (import "berth1_core" "clock_now" (func $clock (param i32) (result i64)))
  (import "berth1_core" "random_get" (func $random (param i32 i32) (result i32)))
  (import "berth1_core" "sleep" (func $sleep (param i64) (result i32)))
  (import "berth1_core" "result_take" (func $take (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $wasi_random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))

  (memory (export "memory") 2)
  ;; size 80, ABI 1.0, request buffer
  (data (i32.const 1024) "\50\00\00\00" "\00\00\01\00" "\00\10\00\00" "\00\20\00\00")
  (data (i32.const 2048) "all is well, says the guest\1b[2J\0aFATAL forged line")
  ;; GetResponse{data: "ok"}
  (data (i32.const 16384) "\0a\02ok")
  ;; a group, which no message has
  (data (i32.const 16400) "\0b\ff\ff\ff\ff")
  ;; Error{message: "\ff"}: not UTF-8
  (data (i32.const 16416) "\0a\01\ff")
  ;; Error{message: 1 MiB}; the text follows at 16436
  (data (i32.const 16432) "\0a\80\80\40")
  ;; Error{message: "a bug"}
  (data (i32.const 16448) "\0a\05a bug")
  ;; an hour on the monotonic clock
  (data (i32.const 3000) "\00\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00" "\01\00\00\00\00\00\00\00" "\00\a0\b8\30\46\03\00\00")

  (type $none (func))
  (type $other (func (param i64) (result i64)))
  (table 2 2 funcref)
  (elem (i32.const 0) $nothing $nothing)

  ;; what berth1_reserve does next: 0 nothing, and says so; 1 says that it failed;
  ;; 2 traps; 3 loops
  (global $reserve (mut i32) (i32.const 0))

  (func $nothing)
  (func (export "berth1_frame") (result i32) (i32.const 1024))
  (func (export "berth1_reserve") (param i32) (result i32)
    (if (i32.eq (global.get $reserve) (i32.const 2)) (then (unreachable)))
    (if (i32.eq (global.get $reserve) (i32.const 3)) (then (loop (br 0))))
    (global.get $reserve))

  (func $answer (param $ptr i32) (param $len i32)
    (i32.store (i32.const 1040) (local.get $ptr))
    (i32.store (i32.const 1044) (local.get $len)))
  (func $buffer (param $ptr i32) (param $cap i32)
    (i32.store (i32.const 1032) (local.get $ptr))
    (i32.store (i32.const 1036) (local.get $cap)))

  (func (export "berth1_call") (param $op i32) (param $len i32) (result i32)
    (call $answer (i32.const 16384) (i32.const 0))
    (if (i32.eq (local.get $op) (i32.const 1)) (then (return (i32.const 0)))) ;; Init
    (if (i32.ne (local.get $op) (i32.const 0x10001)) (then (return (i32.const 12))))
    (call $answer (i32.const 16384) (i32.const 4))
    ;; GetRequest{key: "NN"} is 0a 02 N N
    (if (i32.ne (i32.load16_u (i32.const 4096)) (i32.const 0x020a)) (then (return (i32.const 0))))
    (call $do (i32.add
      (i32.mul (i32.sub (i32.load8_u (i32.const 4098)) (i32.const 48)) (i32.const 10))
      (i32.sub (i32.load8_u (i32.const 4099)) (i32.const 48)))))

  (func $recurse (param i64) (result i64) (i64.add (call $recurse (local.get 0)) (i64.const 1)))
  (func $fib (param i32) (result i32)
    (if (i32.lt_s (local.get 0) (i32.const 2)) (then (return (i32.const 1))))
    (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1))) (call $fib (i32.sub (local.get 0) (i32.const 2)))))
  (func $must_fail (param i32) (if (i32.ge_s (local.get 0) (i32.const 0)) (then (unreachable))))
  (func $must_errno (param i32) (if (i32.eqz (local.get 0)) (then (unreachable))))

  (func $do (param $what i32) (result i32)
    (local $n i32)
    (block $50 (block $49 (block $48 (block $47 (block $46 (block $45 (block $44 (block $43 (block $42 (block $41 (block $40
    (block $39 (block $38 (block $37 (block $36 (block $35 (block $34 (block $33 (block $32 (block $31 (block $30
    (block $29 (block $28 (block $27 (block $26 (block $25 (block $24 (block $23 (block $22 (block $21 (block $20
    (block $19 (block $18 (block $17 (block $16 (block $15 (block $14 (block $13 (block $12 (block $11 (block $10
    (block $9 (block $8 (block $7 (block $6 (block $5 (block $4 (block $3 (block $2 (block $1 (block $0
      (br_table $0 $1 $2 $3 $4 $5 $6 $7 $8 $9 $10 $11 $12 $13 $14 $15 $16 $17 $18 $19 $20 $21 $22 $23 $24 $25
                $26 $27 $28 $29 $30 $31 $32 $33 $34 $35 $36 $37 $38 $39 $40 $41 $42 $43 $44 $45 $46 $47 $48 $49 $50
                (local.get $what)))
    ;; 00 answers as it should
      (return (i32.const 0)))
    ;; 01 to 04: the answer lies outside the memory
      (call $answer (i32.const -16) (i32.const 4)) (return (i32.const 0)))
      (call $answer (i32.const 0) (i32.const -1)) (return (i32.const 0)))
      (call $answer (i32.const -1) (i32.const -1)) (return (i32.const 0)))
      (call $answer (i32.const 131071) (i32.const 2)) (return (i32.const 0)))
    ;; 05 the answer is over the limit of a message
      (drop (memory.grow (i32.const 200))) (call $answer (i32.const 0) (i32.const 9000000)) (return (i32.const 0)))
    ;; 06 to 09: a status that is none
      (return (i32.const -1)))
      (return (i32.const 63)))
      (return (i32.const 0x80000000)))
      (return (i32.const 17)))
    ;; 10 the answer does not decode
      (call $answer (i32.const 16400) (i32.const 5)) (return (i32.const 0)))
    ;; 11 nor does the error
      (call $answer (i32.const 16400) (i32.const 5)) (return (i32.const 5)))
    ;; 12 the error's message is not UTF-8
      (call $answer (i32.const 16416) (i32.const 3)) (return (i32.const 5)))
    ;; 13 the error's message is a megabyte
      (drop (memory.grow (i32.const 20)))
      (memory.fill (i32.const 16436) (i32.const 120) (i32.const 1048576))
      (call $answer (i32.const 16432) (i32.const 1048580)) (return (i32.const 13)))
    ;; 14 metadata of 100,001 entries, each {key: 4 letters}
      (drop (memory.grow (i32.const 20)))
      (loop $l
        (i64.store (i32.add (i32.const 200000) (i32.mul (local.get $n) (i32.const 8)))
          (i64.or (i64.const 0x040a061a) (i64.shl (i64.extend_i32_u
            (i32.add (i32.const 0x41414141)
            (i32.or (i32.or (i32.and (local.get $n) (i32.const 31)) (i32.shl (i32.and (local.get $n) (i32.const 0x3e0)) (i32.const 3)))
                    (i32.or (i32.shl (i32.and (local.get $n) (i32.const 0x7c00)) (i32.const 6)) (i32.shl (i32.and (local.get $n) (i32.const 0xf8000)) (i32.const 9))))))
            (i64.const 32))))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $l (i32.le_u (local.get $n) (i32.const 100000))))
      (call $answer (i32.const 200000) (i32.const 800008)) (return (i32.const 0)))
    ;; 15 says that it recovered from a panic
      (call $answer (i32.const 16448) (i32.const 7)) (return (i32.const 72)))
    ;; 16 grows its memory in the call and answers from there
      (local.set $n (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)))
      (i32.store (local.get $n) (i32.const 0x6b6f020a))
      (call $answer (local.get $n) (i32.const 4)) (return (i32.const 0)))
    ;; 17 takes all the memory that it gets, and touches it
      (loop $l
        (local.set $n (memory.grow (i32.const 16)))
        (if (i32.ne (local.get $n) (i32.const -1)) (then
          (memory.fill (i32.mul (local.get $n) (i32.const 65536)) (i32.const 1) (i32.const 1048576))
          (br $l))))
      (return (i32.const 0)))
    ;; 18 to 23: traps
      (unreachable))
      (return (i32.load (i32.const -4))))
      (return (i32.div_u (i32.const 1) (local.get $n))))
      (return (i32.wrap_i64 (call_indirect (type $other) (i64.const 0) (i32.const 1)))))
      (call_indirect (type $none) (i32.const 2)) (return (i32.const 0)))
      (return (i32.wrap_i64 (call $recurse (i64.const 0)))))
    ;; 24 to 30: goes on for ever
      (return (call $fib (i32.const 90))))
      (loop $l (br $l)))
      (loop $l (call $nothing) (br $l)))
      (loop $l (drop (call $clock (i32.const 1))) (br $l)))
      (loop $l (memory.fill (i32.const 32768) (i32.const 1) (i32.const 98304)) (br $l)))
      (loop $l (drop (call $random (i32.const 32768) (i32.const 98304))) (br $l)))
      (loop $l (drop (call $log (i32.const 1) (i32.const 2048) (i32.const 40))) (br $l)))
    ;; 31 and 32: waits for ever
      (loop $l (drop (call $sleep (i64.const 0x7fffffffffffffff))) (br $l)))
      (loop $l (drop (call $poll (i32.const 3000) (i32.const 3100) (i32.const 1) (i32.const 3200))) (br $l)))
    ;; 33 and 34: ends its process
      (call $exit (i32.const 0)) (return (i32.const 0)))
      (call $exit (i32.const 3)) (return (i32.const 0)))
    ;; 35 logs 100,000 lines, forged ones among them, and answers
      (loop $l
        (drop (call $log (i32.const 2) (i32.const 2048) (i32.const 53)))
        (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 100000))))
      (return (i32.const 0)))
    ;; 36 writes 256 MiB to standard error without a line break, and answers
      (i32.store (i32.const 3300) (i32.const 0)) (i32.store (i32.const 3304) (i32.const 131072))
      (loop $l
        (drop (call $write (i32.const 2) (i32.const 3300) (i32.const 1) (i32.const 3400)))
        (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 4096))))
      (return (i32.const 0)))
    ;; 37 passes pointers and lengths outside the memory to the host; each must be refused
      (call $must_fail (call $log (i32.const 0) (i32.const -1) (i32.const -1)))
      (call $must_fail (call $log (i32.const 0) (i32.const 0) (i32.const -1)))
      (call $must_fail (call $log (i32.const 99) (i32.const 0) (i32.const 1)))
      (call $must_fail (call $random (i32.const 131071) (i32.const 2)))
      (call $must_fail (call $sleep (i64.const -1)))
      (call $must_fail (call $take (i32.const -1) (i32.const -1)))
      (call $must_errno (call $wasi_random (i32.const 1) (i32.const -1)))
      (call $must_errno (call $environ (i32.const -1) (i32.const -1)))
      (call $must_errno (call $poll (i32.const 0) (i32.const 0) (i32.const 65536) (i32.const 0)))
      (call $must_errno (call $poll (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 0)))
      (call $must_errno (call $poll (i32.const 131071) (i32.const 0) (i32.const 1) (i32.const 0)))
      (call $must_errno (call $write (i32.const 1) (i32.const 131071) (i32.const 1) (i32.const 0)))
      (call $must_errno (call $write (i32.const 1) (i32.const 0) (i32.const 0x20000000) (i32.const 0)))
      (call $must_errno (call $write (i32.const 1024) (i32.const 0) (i32.const 1) (i32.const 0)))
      (return (i32.const 0)))
    ;; 38 to 46: answers, and has changed what the host finds at the next call
      (call $buffer (i32.const -8) (i32.const 8192)) (return (i32.const 0)))          ;; 38 buffer outside
      (call $buffer (i32.const 131071) (i32.const -1)) (return (i32.const 0)))        ;; 39 4 GiB from the last byte
      (call $buffer (i32.const 1022) (i32.const 8192)) (return (i32.const 0)))        ;; 40 over the frame
      (call $buffer (i32.const 4096) (i32.const 0)) (return (i32.const 0)))           ;; 41 none, and reserve makes none
      (call $buffer (i32.const 4096) (i32.const 0)) (global.set $reserve (i32.const 1)) (return (i32.const 0)))
      (call $buffer (i32.const 4096) (i32.const 0)) (global.set $reserve (i32.const 2)) (return (i32.const 0)))
      (call $buffer (i32.const 4096) (i32.const 0)) (global.set $reserve (i32.const 3)) (return (i32.const 0)))
      (memory.fill (i32.const 1024) (i32.const 255) (i32.const 16)) (return (i32.const 0))) ;; 45 the frame's own fields
      (memory.fill (i32.const 0) (i32.const 255) (i32.const 131072)) (return (i32.const 0))) ;; 46 all memory, answer included
    ;; 47 an answer that is the frame
      (call $answer (i32.const 1024) (i32.const 80)) (return (i32.const 0)))
    ;; 48 an answer that is all of memory
      (call $answer (i32.const 0) (i32.const 131072)) (return (i32.const 0)))
    ;; 49 an error without a body
      (call $answer (i32.const 0) (i32.const 0)) (return (i32.const 64)))
    ;; 50 the same empty entry four million times
    (drop (memory.grow (i32.const 130)))
    (loop $l
      (i64.store (i32.add (i32.const 200000) (i32.mul (local.get $n) (i32.const 8))) (i64.const 0x001a001a001a001a))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $l (i32.lt_u (local.get $n) (i32.const 1000000))))
    (call $answer (i32.const 200000) (i32.const 8000000))
    (i32.const 0))
)
