// hog computes for ever and never waits: it makes no host call at all. It ends when it is
// cancelled or its fuel is spent.

#include <stdint.h>

volatile uint64_t result;

void _start(void) {
    uint64_t x = 88172645463325252u;
    for (;;) {
        for (int i = 0; i < 1000000; i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
        }
        result = x; // keeps the loop from being optimised away
    }
}
