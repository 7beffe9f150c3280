#include "calc.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef example_calc_types_shape_t shape_t;
typedef example_calc_types_point_t point_t;

// Lets a string that this function gives away own a copy of literal text.
static void copy(calc_string_t *to, const char *text) { calc_string_dup(to, text); }

static double distance(point_t a, point_t b) { return sqrt((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y)); }

bool exports_calc_area(calc_shape_t *s, double *ret, calc_string_t *err) {
  bool ok = true;
  switch (s->tag) {
  case EXAMPLE_CALC_TYPES_SHAPE_NOTHING:
    *ret = 0;
    break;
  case EXAMPLE_CALC_TYPES_SHAPE_LINE:
    *ret = distance(s->val.line.a, s->val.line.b);
    break;
  case EXAMPLE_CALC_TYPES_SHAPE_CIRCLE:
    ok = s->val.circle.radius >= 0;
    if (ok) *ret = 3.141592653589793 * s->val.circle.radius * s->val.circle.radius;
    else copy(err, "the radius is negative");
    break;
  case EXAMPLE_CALC_TYPES_SHAPE_POLYGON: {
    point_t *p = s->val.polygon.ptr;
    size_t n = s->val.polygon.len;
    double twice = 0;
    for (size_t i = 0; i < n; i++) twice += p[i].x * p[(i + 1) % n].y - p[(i + 1) % n].x * p[i].y;
    *ret = fabs(twice) / 2;
    ok = n >= 3;
    if (!ok) copy(err, "a polygon has three points or more");
    break;
  }
  }
  calc_shape_free(s);
  return ok;
}

int32_t exports_calc_add(int32_t a, int32_t b) { return (int32_t)((uint32_t)a + (uint32_t)b); }

int64_t exports_calc_sum(calc_list_s64_t *all) {
  uint64_t sum = 0;
  for (size_t i = 0; i < all->len; i++) sum += (uint64_t)all->ptr[i];
  calc_list_s64_free(all);
  return (int64_t)sum;
}

bool exports_calc_divide(int32_t a, int32_t b, int32_t *ret, calc_string_t *err) {
  if (b == 0) {
    copy(err, "division by zero");
    return false;
  }
  *ret = (int32_t)((int64_t)a / b);
  return true;
}

void exports_calc_nothing(void) {}
void exports_calc_trap(void) { __builtin_trap(); }
void exports_calc_spin(void) {
  for (volatile uint64_t i = 0;; i++) {}
}

bool exports_calc_bounds(calc_list_point_t *all, calc_tuple2_point_point_t *ret) {
  bool some = all->len > 0;
  if (some) ret->f0 = ret->f1 = all->ptr[0];
  for (size_t i = 0; i < all->len; i++) {
    point_t p = all->ptr[i];
    ret->f0.x = fmin(ret->f0.x, p.x);
    ret->f0.y = fmin(ret->f0.y, p.y);
    ret->f1.x = fmax(ret->f1.x, p.x);
    ret->f1.y = fmax(ret->f1.y, p.y);
  }
  calc_list_point_free(all);
  return some;
}

void exports_calc_name(calc_color_t c, calc_string_t *ret) {
  static const char *const names[] = {"red", "green", "blue"};
  copy(ret, names[c]);
}
