// sleeper waits for a living: it sleeps, polls, computes a little, and does so again.
//
//	sleeper ROUNDS MILLISECONDS
//
// Each round sleeps for MILLISECONDS, give or take a quarter, so that many sleepers started
// together do not wake together. In the end it prints one line. It has no C library, no heap and
// one page of memory: what a guest can cost at the least.

#include "wasi.h"

static char *arguments[3];
static char argument_bytes[256];
static uint64_t state; // of the random numbers, and in the end the result

// next_random steps an xorshift generator.
static uint64_t next_random(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

// parse_number reads a positive decimal number; 0 means that it is none.
static uint64_t parse_number(const char *s) {
    uint64_t n = 0;
    for (; *s; s++) {
        if (*s < '0' || *s > '9' || n > 1000000000) return 0;
        n = n * 10 + (uint64_t)(*s - '0');
    }
    return n;
}

static struct wasi_subscription timer(uint64_t nanoseconds) {
    return (struct wasi_subscription){
        .type = WASI_EVENT_CLOCK,
        .clock = {.id = WASI_CLOCK_MONOTONIC, .timeout = nanoseconds},
    };
}

// sleep_for waits for a timer alone.
static void sleep_for(uint64_t nanoseconds) {
    struct wasi_subscription wanted = timer(nanoseconds);
    struct wasi_event event;
    size_t happened;
    if (poll_oneoff(&wanted, &event, 1, &happened) != 0 || happened != 1 || event.error != 0) {
        proc_exit(2);
    }
}

// poll_output asks whether standard output takes bytes, for 10 ms at most.
static void poll_output(void) {
    struct wasi_subscription wanted[2] = {
        timer(10 * 1000 * 1000),
        {.type = WASI_EVENT_FD_WRITE, .fd = 1},
    };
    struct wasi_event events[2];
    size_t happened;
    if (poll_oneoff(wanted, events, 2, &happened) != 0 || happened < 1) proc_exit(3);
}

static void compute(void) {
    for (int i = 0; i < 2000; i++) next_random();
}

static void print_line(void) {
    char line[] = "slept well, 0000000000000000\n";
    for (int i = 0; i < 16; i++) {
        line[12 + i] = "0123456789abcdef"[(state >> (60 - 4 * i)) & 15];
    }
    struct wasi_iovec out = {line, sizeof line - 1};
    size_t written;
    if (fd_write(1, &out, 1, &written) != 0 || written != out.size) proc_exit(4);
}

void _start(void) {
    size_t count, size;
    if (args_sizes_get(&count, &size) != 0 || count != 3 || size > sizeof argument_bytes ||
        args_get(arguments, argument_bytes) != 0) {
        proc_exit(64);
    }
    uint64_t rounds = parse_number(arguments[1]);
    uint64_t pause = parse_number(arguments[2]) * 1000 * 1000;
    if (rounds == 0 || pause == 0) proc_exit(64);

    if (random_get(&state, sizeof state) != 0) proc_exit(5);
    state |= 1; // xorshift would stay at zero
    for (uint64_t i = 0; i < rounds; i++) {
        sleep_for(pause - pause / 4 + next_random() % (pause / 2));
        poll_output();
        compute();
    }
    print_line();
}
