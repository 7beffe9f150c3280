// mux accepts connections on the listener that it was granted, descriptor 3, polls all of them together, and sends back
// what comes: up to 1,023 connections.

#include "wasi.h"

enum { MOST = 1024 };

static struct wasi_subscription wanted[MOST];
static struct wasi_event events[MOST];
static size_t count;
static char buffer[4096];

static void want(uint32_t fd) {
    wanted[count++] = (struct wasi_subscription){.userdata = fd, .type = WASI_EVENT_FD_READ, .fd = fd};
}

// forget removes a connection that has ended.
static void forget(uint32_t fd) {
    fd_close(fd);
    for (size_t i = 0; i < count; i++) {
        if (wanted[i].fd == fd) {
            wanted[i] = wanted[--count];
            return;
        }
    }
}

static void accept_all(void) {
    uint32_t fd;
    while (count < MOST && sock_accept(3, WASI_FDFLAG_NONBLOCK, &fd) == 0) want(fd);
}

static void echo(uint32_t fd) {
    struct wasi_iovec into = {buffer, sizeof buffer};
    size_t n;
    wasi_errno e = fd_read(fd, &into, 1, &n);
    if (e == WASI_AGAIN) return;
    if (e || n == 0) {
        forget(fd);
        return;
    }
    write_all(fd, buffer, n);
}

void _start(void) {
    want(3);
    for (;;) {
        size_t happened;
        if (poll_oneoff(wanted, events, count, &happened)) proc_exit(1);
        for (size_t i = 0; i < happened; i++) {
            if (events[i].userdata == 3)
                accept_all();
            else
                echo((uint32_t)events[i].userdata);
        }
    }
}
