// echo sends back what comes on the connection that it was granted, descriptor 3.

#include "wasi.h"

static char buffer[4096];

void _start(void) {
    for (;;) {
        struct wasi_iovec into = {buffer, sizeof buffer};
        size_t n;
        if (fd_read(3, &into, 1, &n)) proc_exit(1);
        if (n == 0) return;
        write_all(3, buffer, n);
    }
}
