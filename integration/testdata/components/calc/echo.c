// Every function gives back what it was given. What it was given belongs to it, and so it may give it away.
#include "calc.h"
#include <stdlib.h>

#define NAME(n) exports_example_calc_echo_##n
#define SCALAR(type, name) type NAME(echo_##name)(type v) { return v; }
#define MEMORY(type, name) void NAME(echo_##name)(type *v, type *ret) { *ret = *v; }

SCALAR(bool, bool)
SCALAR(uint8_t, u8)
SCALAR(int8_t, s8)
SCALAR(uint16_t, u16)
SCALAR(int16_t, s16)
SCALAR(uint32_t, u32)
SCALAR(int32_t, s32)
SCALAR(uint64_t, u64)
SCALAR(int64_t, s64)
SCALAR(float, f32)
SCALAR(double, f64)
SCALAR(uint32_t, char)
SCALAR(NAME(color_t), enum)
SCALAR(NAME(access_t), flags)
SCALAR(NAME(wide_t), wide)
MEMORY(calc_string_t, string)
MEMORY(calc_list_u8_t, bytes)
MEMORY(calc_list_u16_t, list_u16)
MEMORY(calc_list_u64_t, list_u64)
MEMORY(calc_list_f64_t, list_f64)
MEMORY(calc_list_string_t, strings)
MEMORY(NAME(list_point_t), points)
MEMORY(NAME(point_t), record)
MEMORY(NAME(mixed_t), mixed)
MEMORY(calc_tuple3_u8_string_f64_t, tuple)
MEMORY(NAME(shape_t), variant)
MEMORY(NAME(joined_t), joined)

bool NAME(echo_option)(calc_string_t *maybe_v, calc_string_t *ret) {
  if (maybe_v) *ret = *maybe_v;
  return maybe_v != NULL;
}

bool NAME(echo_option_option)(calc_option_u8_t *maybe_v, calc_option_u8_t *ret) {
  if (maybe_v) *ret = *maybe_v;
  return maybe_v != NULL;
}

bool NAME(echo_result)(NAME(result_u32_string_t) *v, uint32_t *ret, calc_string_t *err) {
  if (v->is_err) *err = v->val.err;
  else *ret = v->val.ok;
  return !v->is_err;
}

bool NAME(echo_result_empty)(NAME(result_void_void_t) *v) { return !v->is_err; }

// Gives back a digest of what it was given, as text.
void NAME(many)(uint32_t a, uint64_t b, float c, double d, calc_string_t *e, NAME(point_t) *f, calc_list_u8_t *g,
                NAME(mixed_t) *h, uint8_t i, calc_string_t *ret) {
  uint64_t digest = 14695981039346656037u;
#define MIX(n) digest = (digest ^ (uint64_t)(int64_t)(n)) * 1099511628211u
  MIX(a); MIX(b); MIX(c); MIX(d);
  for (size_t k = 0; k < e->len; k++) MIX(e->ptr[k]);
  MIX(f->x); MIX(f->y);
  for (size_t k = 0; k < g->len; k++) MIX(g->ptr[k]);
  MIX(h->a); MIX(h->b); MIX(h->c); MIX(h->d);
  for (size_t k = 0; k < h->e.len; k++) MIX(h->e.ptr[k]);
  MIX(h->f.is_some ? h->f.val + 1 : 0); MIX(i);
  static const char hex[] = "0123456789abcdef";
  char text[17];
  for (int k = 0; k < 16; k++) text[k] = hex[digest >> (60 - 4 * k) & 15];
  text[16] = 0;
  calc_string_dup(ret, text);
  calc_string_free(e);
  calc_list_u8_free(g);
  NAME(mixed_free)(h);
}
