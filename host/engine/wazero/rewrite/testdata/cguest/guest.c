/* The guest that the rewriter's tests and benchmarks run, in C without a
 * library. Every export takes a size and returns something that depends on all
 * of the work. guest.wasm is built from it:
 *
 *   clang --target=wasm32 -O2 -mbulk-memory -nostdlib -fno-builtin-memset \
 *     -Wl,--no-entry -o guest.wasm guest.c
 */
typedef unsigned int u32;
typedef unsigned char u8;
#define EXPORT(name) __attribute__((export_name(name)))

#ifndef __wasm_bulk_memory__
void *memset(void *p, int c, unsigned long n) {
  for (volatile u8 *q = p; n; n--) *q++ = (u8)c;
  return p;
}
#endif

static u32 data[1 << 18];

static void quicksort(u32 *a, int lo, int hi) {
  while (lo < hi) {
    u32 pivot = a[(lo + hi) / 2];
    int i = lo, j = hi;
    while (i <= j) {
      while (a[i] < pivot) i++;
      while (a[j] > pivot) j--;
      if (i <= j) {
        u32 t = a[i];
        a[i++] = a[j];
        a[j--] = t;
      }
    }
    if (j - lo < hi - i) {
      quicksort(a, lo, j);
      lo = i;
    } else {
      quicksort(a, i, hi);
      hi = j;
    }
  }
}

EXPORT("sort") int sort(int n) {
  u32 x = 1;
  for (int i = 0; i < n; i++) data[i] = x = x * 1664525u + 1013904223u;
  quicksort(data, 0, n - 1);
  return (int)(data[n / 2] ^ data[n / 3]);
}

static u32 rotate(u32 x, int n) { return x << n | x >> (32 - n); }

EXPORT("hash") int hash(int n) {
  u32 h[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  for (int k = 0; k < n; k++)
    for (int i = 0; i < 64; i++) {
      u32 t = h[7] + (rotate(h[4], 26) ^ rotate(h[4], 21) ^ rotate(h[4], 7)) +
              ((h[4] & h[5]) ^ (~h[4] & h[6])) + data[i & 15] + (u32)i;
      u32 s = (rotate(h[0], 30) ^ rotate(h[0], 19) ^ rotate(h[0], 10)) +
              ((h[0] & h[1]) ^ (h[0] & h[2]) ^ (h[1] & h[2]));
      h[7] = h[6], h[6] = h[5], h[5] = h[4], h[4] = h[3] + t;
      h[3] = h[2], h[2] = h[1], h[1] = h[0], h[0] = t + s;
    }
  return (int)(h[0] ^ h[4]);
}

static char text[64];

static char *decimal(char *p, int v) {
  char b[12];
  int n = 0;
  do b[n++] = (char)('0' + v % 10);
  while (v /= 10);
  while (n) *p++ = b[--n];
  return p;
}

EXPORT("format") int format(int n) {
  u32 h = 2166136261u;
  for (int i = 0; i < n; i++) {
    char *p = decimal(text, i);
    for (const char *s = " some text "; *s;) *p++ = *s++;
    p = decimal(p, i * 31 & 0xffff);
    for (char *q = text; q < p; q++) h = (h ^ (u8)*q) * 16777619u;
  }
  return (int)h;
}

EXPORT("loop") int loop(int n) {
  volatile int s = 0;
  for (int i = 0; i < n; i++) s ^= i;
  return s;
}

__attribute__((noinline)) static int fibonacci(int n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}
EXPORT("fib") int fib(int n) { return fibonacci(n); }

EXPORT("fill") int fill(int n) {
  for (int i = 0; i < n; i++) __builtin_memset(data, i, 1 << 10);
  return (int)data[17];
}

EXPORT("state") int state(int n) {
  int s = 0, r = 0;
  for (int i = 0; i < n; i++) switch (s) {
      case 0: s = 1, r += i; break;
      case 1: s = r & 1 ? 3 : 2; break;
      case 2: s = 4, r ^= i; break;
      case 3: s = 0, r -= 3; break;
      case 4: s = r % 5; break;
      case 5: s = 6; break;
      default: s = 0;
    }
  return r;
}
