#include "provider.h"
#include <stdlib.h>

#define NAME(n) exports_example_counters_counters_##n

struct exports_example_counters_counters_counter_t {
  int64_t value;
};

static uint32_t alive, destroyed;

NAME(own_counter_t) NAME(make)(int64_t start) {
  NAME(counter_t) *c = malloc(sizeof *c);
  c->value = start;
  alive++;
  return NAME(counter_new)(c);
}

NAME(own_counter_t) NAME(constructor_counter)(int64_t start) { return NAME(make)(start); }

int64_t NAME(method_counter_increment)(NAME(borrow_counter_t) self, int64_t by) {
  return self->value = (int64_t)((uint64_t)self->value + (uint64_t)by);
}

int64_t NAME(method_counter_value)(NAME(borrow_counter_t) self) { return self->value; }

NAME(own_counter_t) NAME(static_counter_merge)(NAME(own_counter_t) a, NAME(own_counter_t) b) {
  int64_t sum = NAME(counter_rep)(a)->value + NAME(counter_rep)(b)->value;
  NAME(counter_drop_own)(a);
  NAME(counter_drop_own)(b);
  return NAME(make)(sum);
}

int64_t NAME(total)(NAME(list_borrow_counter_t) *all) {
  int64_t sum = 0;
  for (size_t i = 0; i < all->len; i++) sum += all->ptr[i]->value;
  NAME(list_borrow_counter_free)(all);
  return sum;
}

int64_t NAME(take)(NAME(own_counter_t) c) {
  int64_t value = NAME(counter_rep)(c)->value;
  NAME(counter_drop_own)(c);
  return value;
}

uint32_t NAME(alive)(void) { return alive; }
uint32_t NAME(destroyed)(void) { return destroyed; }

void NAME(counter_destructor)(NAME(counter_t) *rep) {
  alive--;
  destroyed++;
  free(rep);
}
