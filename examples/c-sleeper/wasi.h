// The part of WASI preview 1 that the sleeper calls, without a C library.

#pragma once

#include <stddef.h>
#include <stdint.h>

#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name)))

typedef uint16_t wasi_errno; // 0: success

enum { WASI_CLOCK_MONOTONIC = 1 };
enum { WASI_EVENT_CLOCK = 0, WASI_EVENT_FD_READ = 1, WASI_EVENT_FD_WRITE = 2 };

struct wasi_iovec {
    const void *bytes;
    size_t size;
};

struct wasi_subscription {
    uint64_t userdata;
    uint8_t type; // WASI_EVENT_*
    union {
        struct {
            uint32_t id;
            uint64_t timeout; // nanoseconds from now on
            uint64_t precision;
            uint16_t flags;
        } clock;
        uint32_t fd;
    };
};
_Static_assert(sizeof(struct wasi_subscription) == 48, "layout");

struct wasi_event {
    uint64_t userdata;
    wasi_errno error;
    uint8_t type;
    uint64_t available; // bytes, of a descriptor
    uint16_t flags;
};
_Static_assert(sizeof(struct wasi_event) == 32, "layout");

WASI(args_sizes_get) wasi_errno args_sizes_get(size_t *count, size_t *size);
WASI(args_get) wasi_errno args_get(char **arguments, char *bytes);
WASI(random_get) wasi_errno random_get(void *bytes, size_t size);
WASI(fd_write) wasi_errno fd_write(uint32_t fd, const struct wasi_iovec *from, size_t n, size_t *written);
WASI(poll_oneoff) wasi_errno poll_oneoff(const struct wasi_subscription *wanted,
                                         struct wasi_event *events, size_t n, size_t *happened);
WASI(proc_exit) _Noreturn void proc_exit(uint32_t code);
