//go:build wasmtime && cgo

#define _GNU_SOURCE // pthread_getattr_np
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "shim.h"

// The size of the stack of the threads that Go makes.
size_t berth_thread_stack(void) {
  pthread_attr_t attr;
  size_t size = 0;
  if (pthread_attr_init(&attr) == 0) {
    pthread_attr_getstacksize(&attr, &size);
    pthread_attr_destroy(&attr);
  }
  return size;
}

// The lowest address of this thread's stack.
static char *stack_end(void) {
  static _Thread_local char *end;
  if (end == NULL) {
#if defined(__APPLE__)
    pthread_t self = pthread_self();
    end = (char *)pthread_get_stackaddr_np(self) - pthread_get_stacksize_np(self);
#else
    pthread_attr_t attr;
    void *addr = NULL;
    size_t size;
    if (pthread_getattr_np(pthread_self(), &attr) == 0) {
      pthread_attr_getstack(&attr, &addr, &size);
      pthread_attr_destroy(&attr);
    }
    end = addr;
#endif
  }
  return end;
}

// What wasmtime, Go's way back into Go and signal handlers may need beyond the guest's own part.
enum { STACK_RESERVE = 256 << 10 };

// A guest's limit counts from where it was entered. Guests that call each
// other through host functions share a thread, so there may be less than that.
static bool stack_suffices(size_t guest) {
  char here;
  char *end = stack_end();
  return end != NULL && (size_t)(&here - end) >= guest + STACK_RESERVE;
}

static bool failed(wasmtime_error_t *err, berth_failure *f) {
  if (err == NULL) return false;
  f->trap = false;
  wasmtime_error_message(err, &f->text);
  wasmtime_error_delete(err);
  return true;
}

static bool trapped(wasm_trap_t *trap, berth_failure *f) {
  if (trap == NULL) return false;
  f->trap = wasmtime_trap_code(trap, &f->code);
  wasm_trap_message(trap, &f->text);
  wasm_trap_delete(trap);
  return true;
}

wasm_engine_t *berth_engine_new(size_t stack) {
  wasm_config_t *c = wasm_config_new();
  wasmtime_config_epoch_interruption_set(c, true);
  wasmtime_config_max_wasm_stack_set(c, stack);
  wasmtime_config_native_unwind_info_set(c, false); // only debuggers and profilers read it

  // WebAssembly 2.0 and tail calls, like the other engine.
  wasmtime_config_wasm_reference_types_set(c, true);
  wasmtime_config_wasm_bulk_memory_set(c, true);
  wasmtime_config_wasm_multi_value_set(c, true);
  wasmtime_config_wasm_simd_set(c, true);
  wasmtime_config_wasm_tail_call_set(c, true);
  wasmtime_config_wasm_relaxed_simd_set(c, false);
  wasmtime_config_wasm_threads_set(c, false);
  wasmtime_config_wasm_memory64_set(c, false);
  wasmtime_config_wasm_multi_memory_set(c, false);
  wasmtime_config_wasm_function_references_set(c, false);
  wasmtime_config_wasm_gc_set(c, false);
  wasmtime_config_wasm_exceptions_set(c, false);
  wasmtime_config_wasm_wide_arithmetic_set(c, false);
  wasmtime_config_wasm_custom_page_sizes_set(c, false);
  wasmtime_config_wasm_stack_switching_set(c, false);
  wasmtime_config_wasm_component_model_set(c, false);
  return wasm_engine_new_with_config(c);
}

bool berth_compile(wasm_engine_t *e, const uint8_t *wasm, size_t len, wasmtime_module_t **m, berth_failure *f) {
  return !failed(wasmtime_module_new(e, wasm, len, m), f);
}

bool berth_load(wasm_engine_t *e, const uint8_t *code, size_t len, wasmtime_module_t **m, berth_failure *f) {
  return !failed(wasmtime_module_deserialize(e, code, len, m), f);
}

bool berth_serialize(wasmtime_module_t *m, wasm_byte_vec_t *code, berth_failure *f) {
  return !failed(wasmtime_module_serialize(m, code), f);
}

// A host function, as the linker knows it.
typedef struct host_func {
  uint32_t index;
  size_t nparams, nresults;
} host_func;

static void refresh(berth_instance *in) {
  in->base = wasmtime_memory_data(in->context, &in->memory);
  in->size = wasmtime_memory_data_size(in->context, &in->memory);
}

// Go's values are 8 bytes apart, wasmtime's 16.
static wasm_trap_t *host_call(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *slots, size_t n) {
  const host_func *h = env;
  berth_instance *in = wasmtime_context_get_data(wasmtime_caller_context(caller));
  int64_t *stack = &slots->i64;
  for (size_t i = 1; i < h->nparams; i++) stack[i] = slots[i].i64;
  refresh(in);
  if (berthHostCall(in->handle, h->index, (uint64_t *)stack)) return wasmtime_trap_new("host", 4);
  for (size_t i = h->nresults; i-- > 1;) slots[i].i64 = stack[i];
  return NULL;
}

static wasmtime_error_t *next_epoch(wasmtime_context_t *context, void *data, uint64_t *delta, uint8_t *kind) {
  berth_instance *in = data;
  if (berthInterrupt(in->handle)) return wasmtime_error_new("interrupted");
  *delta = 1;
  *kind = WASMTIME_UPDATE_DEADLINE_CONTINUE;
  return NULL;
}

static void value_types(const uint8_t *codes, size_t n, wasm_valtype_vec_t *out) {
  wasm_valtype_vec_new_uninitialized(out, n);
  for (size_t i = 0; i < n; i++) out->data[i] = wasm_valtype_new(WASM_I32 + (0x7f - codes[i]));
}

bool berth_define(wasmtime_linker_t *l, const char *module, size_t module_len, const char *name, size_t name_len,
                  uint32_t index, const uint8_t *params, size_t nparams, const uint8_t *results, size_t nresults,
                  berth_failure *f) {
  wasm_valtype_vec_t p, r;
  value_types(params, nparams, &p);
  value_types(results, nresults, &r);
  wasm_functype_t *type = wasm_functype_new(&p, &r);
  host_func *h = malloc(sizeof *h);
  if (h == NULL) abort();
  *h = (host_func){index, nparams, nresults};
  wasmtime_error_t *err =
      wasmtime_linker_define_func_unchecked(l, module, module_len, name, name_len, type, host_call, h, free);
  wasm_functype_delete(type);
  return !failed(err, f);
}

bool berth_link(wasmtime_linker_t *l, wasmtime_module_t *m, wasmtime_instance_pre_t **pre, berth_failure *f) {
  return !failed(wasmtime_linker_instantiate_pre(l, m, pre), f);
}

berth_instance *berth_instance_new(wasm_engine_t *e, wasmtime_instance_pre_t *pre, uintptr_t handle, size_t stack,
                                   int64_t max_memory, int64_t max_table, const char *memory, size_t memory_len,
                                   berth_failure *f) {
  berth_instance *in = calloc(1, sizeof *in);
  if (in == NULL) abort();
  in->handle = handle;
  in->stack = stack;
  in->store = wasmtime_store_new(e, in, NULL);
  in->context = wasmtime_store_context(in->store);
  wasmtime_store_limiter(in->store, max_memory, max_table, 1, -1, 1);
  wasmtime_store_epoch_deadline_callback(in->store, next_epoch, in, NULL);
  wasm_trap_t *trap = NULL;
  wasmtime_extern_t x;
  if (failed(wasmtime_instance_pre_instantiate(pre, in->context, &in->instance, &trap), f) || trapped(trap, f)) {
    berth_instance_delete(in);
    return NULL;
  }
  // Go has read in the module that this export is a memory.
  if (!wasmtime_instance_export_get(in->context, &in->instance, memory, memory_len, &x)) abort();
  in->memory = x.of.memory;
  wasmtime_extern_delete(&x);
  refresh(in);
  return in;
}

void berth_instance_delete(berth_instance *in) {
  wasmtime_store_delete(in->store);
  free(in);
}

bool berth_function(berth_instance *in, const char *name, size_t len, wasmtime_func_t *out) {
  wasmtime_extern_t x;
  if (!wasmtime_instance_export_get(in->context, &in->instance, name, len, &x)) return false;
  bool is = x.kind == WASMTIME_EXTERN_FUNC;
  if (is) *out = x.of.func;
  wasmtime_extern_delete(&x);
  return is;
}

bool berth_call(berth_instance *in, wasmtime_func_t *func, uint64_t *stack, size_t nparams, size_t nresults) {
  berth_failure *f = &in->failure;
  if (!stack_suffices(in->stack)) {
    *f = (berth_failure){.trap = true, .code = WASMTIME_TRAP_CODE_STACK_OVERFLOW};
    return false;
  }
  wasmtime_val_raw_t few[8];
  wasmtime_val_raw_t *slots = few;
  size_t n = nparams > nresults ? nparams : nresults;
  if (n > sizeof few / sizeof *few) {
    slots = malloc(n * sizeof *slots);
    if (slots == NULL) abort();
  }
  for (size_t i = 0; i < nparams; i++) slots[i].i64 = (int64_t)stack[i];
  wasmtime_context_set_epoch_deadline(in->context, 1);
  wasm_trap_t *trap = NULL;
  wasmtime_error_t *err = wasmtime_func_call_unchecked(in->context, func, slots, n, &trap);
  bool ok = !failed(err, f) && !trapped(trap, f);
  if (ok) {
    for (size_t i = 0; i < nresults; i++) stack[i] = (uint64_t)slots[i].i64;
  }
  if (slots != few) free(slots);
  refresh(in);
  return ok;
}
