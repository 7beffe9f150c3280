// The part of WASI preview 1, and of WasmEdge's sockets for it, that these guests call, without a C library.

#pragma once

#include <stddef.h>
#include <stdint.h>

#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name)))

typedef uint16_t wasi_errno; // 0: success

enum { WASI_AGAIN = 6 };
enum { WASI_EVENT_FD_READ = 1 };
enum { WASI_FDFLAG_NONBLOCK = 4 };
enum { WASMEDGE_INET4 = 1, WASMEDGE_STREAM = 2 };

struct wasi_iovec {
    void *bytes;
    size_t size;
};

struct wasi_subscription {
    uint64_t userdata;
    uint8_t type;
    uint32_t fd;
    uint8_t rest[28];
};
_Static_assert(sizeof(struct wasi_subscription) == 48, "layout");

struct wasi_event {
    uint64_t userdata;
    wasi_errno error;
    uint8_t type;
    uint64_t available;
    uint16_t flags;
};
_Static_assert(sizeof(struct wasi_event) == 32, "layout");

struct wasmedge_address {
    const uint8_t *bytes;
    size_t size;
};

WASI(args_sizes_get) wasi_errno args_sizes_get(size_t *count, size_t *size);
WASI(args_get) wasi_errno args_get(char **arguments, char *bytes);
WASI(fd_read) wasi_errno fd_read(uint32_t fd, const struct wasi_iovec *into, size_t n, size_t *read);
WASI(fd_write) wasi_errno fd_write(uint32_t fd, const struct wasi_iovec *from, size_t n, size_t *written);
WASI(fd_close) wasi_errno fd_close(uint32_t fd);
WASI(poll_oneoff) wasi_errno poll_oneoff(const struct wasi_subscription *wanted, struct wasi_event *events, size_t n,
                                         size_t *happened);
WASI(sock_accept) wasi_errno sock_accept(uint32_t fd, uint32_t flags, uint32_t *accepted);
WASI(sock_open) wasi_errno sock_open(uint32_t family, uint32_t type, uint32_t *fd);
WASI(sock_connect) wasi_errno sock_connect(uint32_t fd, const struct wasmedge_address *to, uint32_t port);
WASI(proc_exit) _Noreturn void proc_exit(uint32_t code);

// write_all writes all of a buffer, and ends the guest if that fails.
static inline void write_all(uint32_t fd, char *bytes, size_t size) {
    while (size > 0) {
        struct wasi_iovec from = {bytes, size};
        size_t written;
        if (fd_write(fd, &from, 1, &written)) proc_exit(2);
        bytes += written;
        size -= written;
    }
}
