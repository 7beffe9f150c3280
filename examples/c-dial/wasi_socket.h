// The functions of the WasmEdge socket extension that a client needs. They return an errno.
#include <stdint.h>

#define WASI_SOCKET(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name)))

enum { WASI_INET4 = 1, WASI_INET6 = 2, WASI_STREAM = 2 };

struct wasi_address {
    const uint8_t *bytes; // 4 or 16
    uint32_t length;
};

struct wasi_sockaddr {
    uint8_t family;
    uint32_t length;
    uint8_t *data; // a port, big endian, and an address
};

struct wasi_addrinfo {
    uint16_t flags;
    uint8_t family, type, protocol;
    uint32_t address_length;
    struct wasi_sockaddr *address;
    char *name;
    uint32_t name_length;
    struct wasi_addrinfo *next;
};

WASI_SOCKET(sock_open) uint32_t wasi_open(uint32_t family, uint32_t type, uint32_t *fd);
WASI_SOCKET(sock_connect) uint32_t wasi_connect(uint32_t fd, const struct wasi_address *to, uint32_t port);
WASI_SOCKET(sock_getaddrinfo)
uint32_t wasi_getaddrinfo(const char *node, uint32_t node_length, const char *service, uint32_t service_length,
                          const struct wasi_addrinfo *hints, struct wasi_addrinfo **results, uint32_t most,
                          uint32_t *count);
