// A guest that does what its first argument says.

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <wasi/api.h>

// wasi-libc has no declaration of it.
__attribute__((import_module("wasi_snapshot_preview1"), import_name("proc_raise")))
int proc_raise(int signal);

// Polls standard input with timeouts until it ends.
static int poll_input(void) {
    for (;;) {
        struct pollfd fds[] = {{.fd = 0, .events = POLLIN}};
        int n = poll(fds, 1, 1000);
        if (n < 0) return 1;
        if (n == 0) {
            printf("timeout\n");
            continue;
        }
        char buf[64];
        ssize_t got = read(0, buf, sizeof buf);
        if (got <= 0) {
            printf("end %d\n", (int)got);
            return 0;
        }
        printf("read %.*s\n", (int)got, buf);
    }
}

// Sleeps by a relative and by an absolute time.
static int sleep_twice(void) {
    struct timespec start, middle, end, hour = {.tv_sec = 3600};
    clock_gettime(CLOCK_REALTIME, &start);
    if (clock_nanosleep(CLOCK_REALTIME, 0, &hour, NULL)) return 1;
    clock_gettime(CLOCK_REALTIME, &middle);
    middle.tv_sec += 3600;
    if (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &middle, NULL)) return 1;
    clock_gettime(CLOCK_REALTIME, &end);
    printf("slept %d s\n", (int)(end.tv_sec - start.tv_sec));
    return 0;
}

// Reads without blocking.
static int nonblocking(void) {
    fcntl(0, F_SETFL, O_NONBLOCK);
    char c;
    ssize_t n = read(0, &c, 1);
    printf("%d %s; terminal: %d\n", (int)n, n < 0 ? strerror(errno) : "", isatty(1));
    return 0;
}

// Makes a call with more subscriptions than anyone may have.
static int poll_million(void) {
    const unsigned n = 1000000;
    __wasi_subscription_t *in = calloc(n, sizeof *in);
    __wasi_event_t *out = calloc(n, sizeof *out);
    __wasi_size_t count;
    printf("errno %d\n", __wasi_poll_oneoff(in, out, n, &count));
    return 0;
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    if (!strcmp(argv[1], "poll")) return poll_input();
    if (!strcmp(argv[1], "sleep")) return sleep_twice();
    if (!strcmp(argv[1], "nonblocking")) return nonblocking();
    if (!strcmp(argv[1], "million")) return poll_million();
    if (!strcmp(argv[1], "abort")) abort();
    if (!strcmp(argv[1], "raise")) return proc_raise(15);
    if (!strcmp(argv[1], "yield")) {
        for (int i = 0; i < 1000; i++) (void)!__wasi_sched_yield();
        return 0;
    }
    return 2;
}
