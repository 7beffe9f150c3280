// Uses somebody else's counters in every way: own, borrow, in lists, as results.
#include "user.h"
#include <stdlib.h>
#include <string.h>

#define NAME(n) example_counters_counters_##n

// Makes n counters of 1 to n, adds 10 to each, asks for their total, merges the first two, takes the rest, and checks at
// each step what must hold.
bool exports_user_run(uint32_t n, int64_t *ret, user_string_t *err) {
  if (n < 2) {
    user_string_dup(err, "two counters or more are needed");
    return false;
  }
  uint32_t before = NAME(alive)();
  NAME(own_counter_t) *all = malloc(n * sizeof *all);
  NAME(borrow_counter_t) *lent = malloc(n * sizeof *lent);
  for (uint32_t i = 0; i < n; i++) {
    all[i] = i % 2 ? NAME(make)(i + 1) : NAME(constructor_counter)(i + 1);
    lent[i] = NAME(borrow_counter)(all[i]);
    NAME(method_counter_increment)(lent[i], 10);
  }
  NAME(list_borrow_counter_t) list = {lent, n};
  int64_t total = NAME(total)(&list), taken = 0;
  all[1] = NAME(static_counter_merge)(all[0], all[1]);
  for (uint32_t i = 1; i < n; i++) taken += NAME(take)(all[i]);
  free(all);
  free(lent);
  if (taken != total) user_string_dup(err, "the counters are not what they were together");
  else if (NAME(alive)() != before) user_string_dup(err, "a counter is left");
  else {
    *ret = total;
    return true;
  }
  return false;
}

// Makes n counters that it never drops, and returns how many there are.
uint32_t exports_user_leak(uint32_t n) {
  for (uint32_t i = 0; i < n; i++) NAME(make)(i);
  return NAME(alive)();
}
