// Dial connects to HOST and PORT, sends its standard input, and prints what comes back until the end.
//
//   echo hello | reactorctl run --stdin - --dial localhost:7 ./examples/c-dial/dial.wasm localhost 7
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wasi_socket.h"

static int connect_to(const char *host, const char *port, uint32_t *fd) {
    static uint8_t data[26];
    struct wasi_sockaddr address = {.length = sizeof data, .data = data};
    struct wasi_addrinfo result = {.address = &address}, hints = {.type = WASI_STREAM}, *first = &result;
    uint32_t count = 0;
    uint32_t e = wasi_getaddrinfo(host, strlen(host), port, strlen(port), &hints, &first, 1, &count);
    if (e != 0) return e;
    if ((e = wasi_open(address.family, WASI_STREAM, fd)) != 0) return e;
    struct wasi_address to = {data + 2, address.family == WASI_INET4 ? 4 : 16};
    return wasi_connect(*fd, &to, data[0] << 8 | data[1]);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "give the host and the port\n");
        return 2;
    }
    uint32_t fd;
    int e = connect_to(argv[1], argv[2], &fd);
    if (e != 0) {
        fprintf(stderr, "dial: %s\n", strerror(e));
        return 1;
    }
    char buffer[4096];
    ssize_t n;
    while ((n = read(0, buffer, sizeof buffer)) > 0) {
        if (write(fd, buffer, n) != n) {
            perror("write");
            return 1;
        }
    }
    shutdown(fd, SHUT_WR);
    while ((n = read(fd, buffer, sizeof buffer)) > 0) fwrite(buffer, 1, n, stdout);
    return 0;
}
