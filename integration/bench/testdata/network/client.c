// client sends requests to a server on 127.0.0.1, for ever: it connects, sends as many requests as one connection has, one
// after the other's answer, and connects again.
//
//	client PORT REQUESTS ANSWER_BYTES

#include "wasi.h"

static char request[] = "GET / HTTP/1.1\r\nHost: local\r\n\r\n";
static char *arguments[8];
static char argument_bytes[256];
static char buffer[4096];

static uint32_t number(const char *s) {
    uint32_t n = 0;
    for (; *s >= '0' && *s <= '9'; s++) n = n * 10 + (uint32_t)(*s - '0');
    return n;
}

void _start(void) {
    size_t count, size;
    if (args_sizes_get(&count, &size) || count != 4 || size > sizeof argument_bytes) proc_exit(3);
    if (args_get(arguments, argument_bytes)) proc_exit(3);
    uint32_t port = number(arguments[1]), requests = number(arguments[2]), answer = number(arguments[3]);
    static const uint8_t loopback[4] = {127, 0, 0, 1};
    struct wasmedge_address to = {loopback, sizeof loopback};
    for (;;) {
        uint32_t fd;
        if (sock_open(WASMEDGE_INET4, WASMEDGE_STREAM, &fd)) proc_exit(4);
        if (sock_connect(fd, &to, port)) proc_exit(5);
        for (uint32_t i = 0; i < requests; i++) {
            write_all(fd, request, sizeof request - 1);
            for (uint32_t got = 0; got < answer;) {
                struct wasi_iovec into = {buffer, sizeof buffer};
                size_t n;
                if (fd_read(fd, &into, 1, &n)) proc_exit(6);
                if (n == 0) return; // the server has gone
                got += n;
            }
        }
        fd_close(fd);
    }
}
