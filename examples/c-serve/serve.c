// Serve listens at ADDRESS and PORT, an address of IPv4, and sends back what it gets, to one client after the other. It
// opens its socket by itself, as programs do that know nothing of listeners that they are handed. A --listen flag for the
// address is what lets it.
//
//   reactorctl run --listen 127.0.0.1:7007 ./examples/c-serve/serve.wasm 127.0.0.1 7007
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../c-dial/wasi_socket.h"

WASI_SOCKET(sock_bind) uint32_t wasi_bind(uint32_t fd, const struct wasi_address *at, uint32_t port);
WASI_SOCKET(sock_listen) uint32_t wasi_listen(uint32_t fd, uint32_t backlog);

static int fail(const char *call, int e) {
    fprintf(stderr, "%s: %s\n", call, strerror(e));
    return 1;
}

int main(int argc, char **argv) {
    uint8_t bytes[4];
    if (argc != 3 || sscanf(argv[1], "%hhu.%hhu.%hhu.%hhu", &bytes[0], &bytes[1], &bytes[2], &bytes[3]) != 4) {
        fprintf(stderr, "give the address and the port\n");
        return 2;
    }
    struct wasi_address at = {bytes, sizeof bytes};
    uint32_t listener, e;
    if ((e = wasi_open(WASI_INET4, WASI_STREAM, &listener)) != 0) return fail("socket", e);
    if ((e = wasi_bind(listener, &at, atoi(argv[2]))) != 0) return fail("bind", e);
    if ((e = wasi_listen(listener, 16)) != 0) return fail("listen", e);
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0) {
            perror("accept");
            return 1;
        }
        char buffer[4096];
        ssize_t n;
        while ((n = read(client, buffer, sizeof buffer)) > 0 && write(client, buffer, n) == n) continue;
        close(client);
    }
}
