// A library whose snapshots are made: its constructor has work to do, and further exports initialize it in ways that a
// snapshot cannot keep. Built by zig 0.17.1:
//
//	zig cc -target wasm32-wasi -mexec-model=reactor -Os -s -o library.wasm library.c

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wasi/api.h>

#define EXPORT(name) __attribute__((export_name(name)))

enum { MOST = 20000 };
static int primes[MOST], count, made, calls;

static void sieve(void) {
    for (int n = 2; count < MOST; n++) {
        int i = 0;
        while (i < count && primes[i] * primes[i] <= n && n % primes[i]) i++;
        if (i == count || primes[i] * primes[i] > n) primes[count++] = n;
    }
}

__attribute__((constructor)) static void construct(void) {
    made++;
    sieve();
}

// What is called from a snapshot.

EXPORT("prime") int prime(int i) { return primes[i]; }
EXPORT("made") int times_made(void) { return made; }
EXPORT("calls") int count_calls(void) { return ++calls; }
EXPORT("greet") void greet(void) {
    printf("%d primes\n", count);
    fflush(stdout);
}
EXPORT("nap") int nap(int ms) {
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
    return ++calls;
}

// What may initialize it further.

EXPORT("more") int more(void) {
    puts("more");
    fflush(stdout);
    calls = 100;
    return 7; // which nobody gets
}
EXPORT("with_argument") void with_argument(int n) { calls = n; }
EXPORT("asks_time") void asks_time(void) { calls = (int)time(NULL); }
EXPORT("asks_random") void asks_random(void) {
    unsigned char b[4];
    getentropy(b, sizeof b);
    memcpy(&calls, b, sizeof b);
}
EXPORT("waits") void waits(void) { nap(1); }
EXPORT("opens") void opens(void) {
    __wasi_fd_t fd;
    (void)!__wasi_path_open(3, 0, "file", 0, 0, 0, 0, &fd);
}
EXPORT("connects") void connects(void) { (void)!__wasi_sock_shutdown(3, __WASI_SDFLAGS_RD); }
EXPORT("closes") void closes(void) { (void)!__wasi_fd_close(1); }
EXPORT("exits") void exits(void) { exit(3); }
EXPORT("crashes") void crashes(void) {
    fputs("about to crash\n", stderr);
    abort();
}
EXPORT("loops") void loops(void) {
    for (volatile int i = 0;; i++) continue;
}
EXPORT("prints") void prints(void) {
    for (int i = 0; i < 20000; i++) puts("a line that is printed again and again");
    fflush(stdout);
}
EXPORT("fills") void fills(void) {
    for (;;) {
        volatile char *p = malloc(1 << 20);
        if (!p) abort();
        p[0] = 1;
    }
}
