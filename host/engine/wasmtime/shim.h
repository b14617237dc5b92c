//go:build wasmtime && cgo

// What Go calls, and the two functions of Go that C calls. Everything that
// happens once a call is put together here, so that a call of the guest crosses
// from Go to C once, and a host function from C to Go once.
#ifndef BERTH_SHIM_H
#define BERTH_SHIM_H

#include "capi.h"

// Why a function of this file failed.
typedef struct berth_failure {
  bool trap;    // the guest's fault, and code says which
  uint8_t code; // WASMTIME_TRAP_CODE_*
  wasm_byte_vec_t text;
} berth_failure;

// One instance with its store. Go reads base and size, and writes nothing.
typedef struct berth_instance {
  wasmtime_store_t *store;
  wasmtime_context_t *context;
  wasmtime_instance_t instance;
  wasmtime_memory_t memory;
  uint8_t *base; // of the linear memory, as it was when the guest last stopped
  size_t size;
  size_t stack; // what the guest may take of the thread's stack
  uintptr_t handle;
  berth_failure failure; // of the last berth_call that failed
} berth_instance;

size_t berth_thread_stack(void);

wasm_engine_t *berth_engine_new(size_t stack);

bool berth_compile(wasm_engine_t *, const uint8_t *wasm, size_t len, wasmtime_module_t **, berth_failure *);
bool berth_load(wasm_engine_t *, const uint8_t *code, size_t len, wasmtime_module_t **, berth_failure *);
bool berth_serialize(wasmtime_module_t *, wasm_byte_vec_t *, berth_failure *);

// Defines the host function that Go knows by index. Types are binary codes of value types.
bool berth_define(wasmtime_linker_t *, const char *module, size_t module_len, const char *name, size_t name_len,
                  uint32_t index, const uint8_t *params, size_t nparams, const uint8_t *results, size_t nresults,
                  berth_failure *);
bool berth_link(wasmtime_linker_t *, wasmtime_module_t *, wasmtime_instance_pre_t **, berth_failure *);

// Makes an instance, or returns NULL. memory is the export name of its memory.
berth_instance *berth_instance_new(wasm_engine_t *, wasmtime_instance_pre_t *, uintptr_t handle, size_t stack,
                                   int64_t max_memory, int64_t max_table, const char *memory, size_t memory_len,
                                   berth_failure *);
void berth_instance_delete(berth_instance *);
bool berth_function(berth_instance *, const char *name, size_t len, wasmtime_func_t *);

// Calls a function whose parameters and results are slots of stack. When it
// returns false, failure says why.
bool berth_call(berth_instance *, wasmtime_func_t *, uint64_t *stack, size_t nparams, size_t nresults);

// Go's. The first runs a host function, the second decides whether a guest may
// run on. Both return whether the guest is to end.
extern bool berthHostCall(uintptr_t handle, uint32_t index, uint64_t *stack);
extern bool berthInterrupt(uintptr_t handle);

#endif
