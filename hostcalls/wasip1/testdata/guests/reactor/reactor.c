// A reactor: _initialize runs the constructor, then any export may be called.

#include <stdio.h>
#include <time.h>

static int base;

__attribute__((constructor)) static void init(void) { base = 1000; }

__attribute__((export_name("add"))) int add(int a, int b) { return base + a + b; }

__attribute__((export_name("half"))) double half(double x) { return x / 2; }

__attribute__((export_name("nap"))) void nap(long long ns) {
    struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    nanosleep(&t, NULL);
    puts("rested");
    fflush(stdout);
}
