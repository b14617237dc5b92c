;; wat2wasm: --enable-tail-call
;; Every way to go on for ever, or for years. Each export is () -> ().
(module
  (import "test" "tick" (func $tick))
  (memory (export "memory") 256 256)
  (type $none (func))
  (table $t 65536 65536 funcref)
  (elem (i32.const 0) func $leaf)
  (data $passive "0123456789abcdef")
  (global $g (mut i64) (i64.const 0))

  (func $leaf (global.set $g (i64.add (global.get $g) (i64.const 1))))

  (func (export "empty") (loop (br 0)))
  (func (export "count")
    (loop (global.set $g (i64.add (global.get $g) (i64.const 1))) (br 0)))
  (func (export "conditional") (local i32)
    (loop (local.set 0 (i32.add (local.get 0) (i32.const 1))) (br_if 0 (i32.or (local.get 0) (i32.const 1)))))
  (func (export "table") (local i32)
    (loop $l (block $b (br_table $l $b $l (i32.const 5)))))
  (func (export "nested") (loop (loop (loop (br 2)))))
  (func (export "inner") (loop (loop (br_if 0 (i32.const 0)) (br_if 1 (i32.const 1)))))
  (func (export "if_loop") (loop (if (i32.const 1) (then (br 1)))))
  (func (export "store") (loop (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))) (br 0)))
  (func (export "call_leaf") (loop (call $leaf) (br 0)))
  (func (export "call_indirect") (loop (call_indirect (type $none) (i32.const 0)) (br 0)))
  (func (export "call_host") (loop (call $tick) (br 0)))

  ;; bounded depth, no loop, and 2^90 calls
  (func $fib (param i32) (result i64)
    (if (result i64) (i32.lt_s (local.get 0) (i32.const 2))
      (then (i64.extend_i32_s (local.get 0)))
      (else (i64.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                     (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func (export "fib") (drop (call $fib (i32.const 90))))
  ;; the same through a table, without a direct call
  (type $tree (func (param i32)))
  (table $trees 1 1 funcref)
  (elem (table $trees) (i32.const 0) func $tree)
  (func $tree (param i32)
    (if (local.get 0) (then
      (call_indirect $trees (type $tree) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))
      (call_indirect $trees (type $tree) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0)))))
  (func (export "tree") (call $tree (i32.const 90)))

  (func $tail (param i32) (return_call $tail (i32.add (local.get 0) (i32.const 1))))
  (func (export "tail") (call $tail (i32.const 0)))
  (func $tail_even (param i32) (return_call $tail_odd (local.get 0)))
  (func $tail_odd (param i32) (return_call $tail_even (local.get 0)))
  (func (export "tail_mutual") (call $tail_even (i32.const 0)))
  (table $tails 1 1 funcref)
  (elem (table $tails) (i32.const 0) func $tail_indirect)
  (type $none2 (func))
  (func $tail_indirect (return_call_indirect $tails (type $none2) (i32.const 0)))
  (func (export "tail_indirect") (call $tail_indirect))

  ;; few turns, much work in each: 16 MiB, or 64 Ki elements
  (func (export "fill") (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 16777216)) (br 0)))
  (func (export "copy") (loop (memory.copy (i32.const 0) (i32.const 1) (i32.const 16777215)) (br 0)))
  (func (export "init") (loop (memory.init $passive (i32.const 0) (i32.const 0) (i32.const 16)) (br 0)))
  (func (export "table_fill") (loop (table.fill $t (i32.const 0) (ref.null func) (i32.const 65536)) (br 0)))
  (func (export "table_copy") (loop (table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 65535)) (br 0)))
  (func (export "grow_nothing") (loop (drop (memory.grow (i32.const 0))) (br 0)))
)
