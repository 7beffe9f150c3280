// A program of WASI 0.3 that carries out its arguments, one after the other, and prints what comes of each:
//
//	tcp|udp                     makes a socket
//	bind A; connect A           of the socket, which is of TCP or UDP as the last one made
//	listen; accept              the latter makes the connection the socket
//	receive; send               begin the stream of the direction
//	read N; write TEXT; flood N on it: up to N bytes; TEXT; N bytes
//	await X                     waits by a copy of no items: X: reader, writer, listener, output
//	received; sent              wait for the futures
//	drop X                      X: socket, listener, reader, writer, received, sent, file, filed
//	local; remote               the addresses
//	disconnect; get; put A TEXT of UDP; with A - to the peer
//	resolve NAME
//	open PATH                   a file of the first folder, which is made if it is not there
//	load AT; store AT; append   begin a stream of the file from an offset on, as receive and send do
//	input                       begins the stream of the standard input
//	filed; ended                wait for the future of a stream of the file, or of the input
//	sleep MS
//
// A step after "within MS" that takes longer is cancelled. What follows "repeat N" is carried out so many times.
#include "steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef wasi_sockets_types_ip_socket_address_t address_t;
typedef wasi_sockets_types_error_code_t code_t;
typedef wasi_sockets_types_result_void_error_code_t result_t;

static wasi_cli_stdin_stream_u8_writer_t out;
static wasi_sockets_types_own_tcp_socket_t tcp;
static wasi_sockets_types_own_udp_socket_t udp;
static bool datagrams; // the socket is udp
static wasi_sockets_types_stream_own_tcp_socket_t listener;
static wasi_sockets_types_stream_u8_t reader;
static wasi_sockets_types_stream_u8_writer_t writer;
static wasi_sockets_types_future_result_void_error_code_t received, sent;
static wasi_filesystem_types_own_descriptor_t file;
static wasi_filesystem_types_future_result_void_error_code_t filed;
static wasi_cli_stdin_future_result_void_error_code_t ended;
static unsigned limit; // of the step, in milliseconds; 0: none
static uint8_t bytes[64 << 10];

static const char *const codes[] = {
    "access-denied", "not-supported", "invalid-argument", "out-of-memory", "timeout", "invalid-state", "address-not-bindable",
    "address-in-use", "remote-unreachable", "connection-refused", "connection-broken", "connection-reset", "connection-aborted",
    "datagram-too-large", "other"};
static const char *const lookup_codes[] = {
    "access-denied", "invalid-argument", "name-unresolvable", "temporary-resolver-failure", "permanent-resolver-failure", "other"};

static const char *const file_codes[] = {
    "access", "already", "bad-descriptor", "busy", "deadlock", "quota", "exist", "file-too-large", "illegal-byte-sequence", "in-progress",
    "interrupted", "invalid", "io", "is-directory", "loop", "too-many-links", "message-size", "name-too-long", "no-device", "no-entry",
    "no-lock", "insufficient-memory", "insufficient-space", "not-directory", "not-empty", "not-recoverable", "unsupported", "no-tty",
    "no-such-device", "overflow", "not-permitted", "pipe", "read-only", "invalid-seek", "text-file-busy", "cross-device", "other"};

// event waits for an event of a waitable. The result is STEPS_WAITABLE_STATUS_BLOCKED if the limit passes first.
static uint32_t event(uint32_t waitable, unsigned ms) {
    steps_subtask_t timer = 0;
    if (ms > 0) {
        timer = STEPS_SUBTASK_HANDLE(wasi_clocks_monotonic_clock_wait_for((uint64_t)ms * 1000000));
        if (timer == 0) // it has passed
            return STEPS_WAITABLE_STATUS_BLOCKED;
    }
    steps_waitable_set_t set = steps_waitable_set_new();
    steps_waitable_join(waitable, set);
    if (timer != 0)
        steps_waitable_join(timer, set);
    steps_event_t e;
    do
        steps_waitable_set_wait(set, &e);
    while (e.waitable == waitable && e.event == STEPS_EVENT_SUBTASK && e.code < STEPS_SUBTASK_RETURNED);
    bool late = e.waitable != waitable;
    steps_waitable_join(waitable, 0);
    if (timer != 0) {
        steps_waitable_join(timer, 0);
        if (!late)
            steps_subtask_cancel(timer);
        steps_subtask_drop(timer);
    }
    steps_waitable_set_drop(set);
    return late ? STEPS_WAITABLE_STATUS_BLOCKED : e.code;
}

static void print(const char *text, size_t n) {
    while (n > 0) {
        steps_waitable_status_t status = wasi_cli_stdin_stream_u8_write(out, (const uint8_t *)text, n);
        if (status == STEPS_WAITABLE_STATUS_BLOCKED)
            status = event(out, 0);
        uint32_t written = STEPS_WAITABLE_COUNT(status);
        text += written, n -= written;
        if (STEPS_WAITABLE_STATE(status) != STEPS_WAITABLE_COMPLETED)
            return;
    }
}

// say prints what comes of a step.
static void say(const char *step, const char *text) {
    char line[512];
    int n = snprintf(line, sizeof line, "%s: %s\n", step, text);
    print(line, (size_t)n);
}

// done waits for the end of a call, and reports whether it has returned rather than being cancelled.
static bool done(const char *step, steps_subtask_status_t status) {
    steps_subtask_t task = STEPS_SUBTASK_HANDLE(status);
    bool cancelled = false;
    if (STEPS_SUBTASK_STATE(status) < STEPS_SUBTASK_RETURNED && event(task, limit) == STEPS_WAITABLE_STATUS_BLOCKED)
        cancelled = steps_subtask_cancel(task) != STEPS_SUBTASK_RETURNED;
    if (task != 0)
        steps_subtask_drop(task);
    if (cancelled)
        say(step, "cancelled");
    return !cancelled;
}

static void tell(const char *step, bool ok, code_t *code) { say(step, ok ? "ok" : codes[code->tag]); }

static void tell_result(const char *step, result_t *r) { tell(step, !r->is_err, &r->val.err); }

static address_t address(const char *text) {
    unsigned a, b, c, d, port;
    address_t at = {0};
    if (sscanf(text, "%u.%u.%u.%u:%u", &a, &b, &c, &d, &port) != 5)
        abort();
    at.val.ipv4.port = (uint16_t)port;
    at.val.ipv4.address = (wasi_sockets_types_ipv4_address_t){(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d};
    return at;
}

static void tell_address(const char *step, bool ok, address_t *at, code_t *code) {
    if (!ok) {
        say(step, codes[code->tag]);
        return;
    }
    wasi_sockets_types_ipv4_address_t *a = &at->val.ipv4.address;
    char text[32];
    snprintf(text, sizeof text, "%u.%u.%u.%u:%u", a->f0, a->f1, a->f2, a->f3, at->val.ipv4.port);
    say(step, text);
}

static void connect(const char *step, address_t to) {
    code_t code;
    if (datagrams) {
        tell(step, wasi_sockets_types_method_udp_socket_connect(wasi_sockets_types_borrow_udp_socket(udp), &to, &code), &code);
        return;
    }
    wasi_sockets_types_method_tcp_socket_connect_args_t args = {wasi_sockets_types_borrow_tcp_socket(tcp), to};
    result_t result;
    if (done(step, wasi_sockets_types_method_tcp_socket_connect(&args, &result)))
        tell_result(step, &result);
}

static void bind(const char *step, address_t at) {
    code_t code;
    bool ok = datagrams ? wasi_sockets_types_method_udp_socket_bind(wasi_sockets_types_borrow_udp_socket(udp), &at, &code)
                        : wasi_sockets_types_method_tcp_socket_bind(wasi_sockets_types_borrow_tcp_socket(tcp), &at, &code);
    tell(step, ok, &code);
}

static void create(const char *step) {
    code_t code;
    datagrams = strcmp(step, "udp") == 0;
    bool ok = datagrams ? wasi_sockets_types_static_udp_socket_create(WASI_SOCKETS_TYPES_IP_ADDRESS_FAMILY_IPV4, &udp, &code)
                        : wasi_sockets_types_static_tcp_socket_create(WASI_SOCKETS_TYPES_IP_ADDRESS_FAMILY_IPV4, &tcp, &code);
    tell(step, ok, &code);
}

static void accept(const char *step) {
    wasi_sockets_types_own_tcp_socket_t got;
    steps_waitable_status_t status = wasi_sockets_types_stream_own_tcp_socket_read(listener, &got, 1);
    if (status == STEPS_WAITABLE_STATUS_BLOCKED)
        status = event(listener, limit);
    if (status == STEPS_WAITABLE_STATUS_BLOCKED)
        status = wasi_sockets_types_stream_own_tcp_socket_cancel_read(listener);
    if (STEPS_WAITABLE_COUNT(status) == 1)
        tcp = got, datagrams = false;
    say(step, STEPS_WAITABLE_COUNT(status) == 1 ? "ok" : STEPS_WAITABLE_STATE(status) == STEPS_WAITABLE_DROPPED ? "end" : "cancelled");
}

static void read(const char *step, size_t n) {
    steps_waitable_status_t status = wasi_sockets_types_stream_u8_read(reader, bytes, n);
    if (status == STEPS_WAITABLE_STATUS_BLOCKED)
        status = event(reader, limit);
    if (status == STEPS_WAITABLE_STATUS_BLOCKED)
        status = wasi_sockets_types_stream_u8_cancel_read(reader);
    uint32_t got = STEPS_WAITABLE_COUNT(status);
    char text[64];
    snprintf(text, sizeof text, "%.*s", got < 40 ? (int)got : 40, (char *)bytes);
    if (got == 0)
        strcpy(text, STEPS_WAITABLE_STATE(status) == STEPS_WAITABLE_DROPPED ? "end" : "cancelled");
    say(step, text);
}

static void write(const char *step, const uint8_t *text, size_t n) {
    size_t total = n;
    while (n > 0) {
        size_t piece = n < sizeof bytes ? n : sizeof bytes;
        steps_waitable_status_t status = wasi_sockets_types_stream_u8_write(writer, text ? text : bytes, piece);
        if (status == STEPS_WAITABLE_STATUS_BLOCKED)
            status = event(writer, limit);
        if (status == STEPS_WAITABLE_STATUS_BLOCKED)
            status = wasi_sockets_types_stream_u8_cancel_write(writer);
        uint32_t written = STEPS_WAITABLE_COUNT(status);
        n -= written, text = text ? text + written : 0;
        if (STEPS_WAITABLE_STATE(status) != STEPS_WAITABLE_COMPLETED) {
            say(step, STEPS_WAITABLE_STATE(status) == STEPS_WAITABLE_DROPPED ? "end" : n < total ? "cancelled in the middle" : "cancelled");
            return;
        }
    }
    say(step, "ok");
}

// await waits until a stream is ready, as far as the host tells.
static void await(const char *step, const char *what) {
    uint32_t waitable = strcmp(what, "reader") == 0 ? reader : strcmp(what, "listener") == 0 ? listener : strcmp(what, "writer") == 0 ? writer : out;
    steps_waitable_status_t status = waitable == reader     ? wasi_sockets_types_stream_u8_read(reader, bytes, 0)
                                     : waitable == listener ? wasi_sockets_types_stream_own_tcp_socket_read(listener, 0, 0)
                                                            : wasi_sockets_types_stream_u8_write(waitable, bytes, 0);
    if (status == STEPS_WAITABLE_STATUS_BLOCKED)
        status = event(waitable, limit);
    if (status == STEPS_WAITABLE_STATUS_BLOCKED)
        status = waitable == reader     ? wasi_sockets_types_stream_u8_cancel_read(reader)
                 : waitable == listener ? wasi_sockets_types_stream_own_tcp_socket_cancel_read(listener)
                                        : wasi_sockets_types_stream_u8_cancel_write(waitable);
    steps_waitable_state_t state = STEPS_WAITABLE_STATE(status);
    say(step, state == STEPS_WAITABLE_DROPPED ? "end" : state == STEPS_WAITABLE_CANCELLED ? "cancelled" : "ready");
}

// OUTCOME makes a function that waits for a future of an interface, whose error has a name.
#define OUTCOME(function, future_type, name) \
    static void function(const char *step, future_type##_t future) { \
        future_type##_result result; \
        steps_waitable_status_t status = future_type##_read(future, &result); \
        if (status == STEPS_WAITABLE_STATUS_BLOCKED) \
            status = event(future, limit); \
        if (status == STEPS_WAITABLE_STATUS_BLOCKED) \
            status = future_type##_cancel_read(future); \
        if (STEPS_WAITABLE_STATE(status) != STEPS_WAITABLE_COMPLETED) \
            say(step, "cancelled"); \
        else \
            say(step, result.is_err ? name : "ok"); \
    }

typedef result_t wasi_sockets_types_future_result_void_error_code_result;
typedef wasi_filesystem_types_result_void_error_code_t wasi_filesystem_types_future_result_void_error_code_result;
typedef wasi_cli_stdin_result_void_error_code_t wasi_cli_stdin_future_result_void_error_code_result;
OUTCOME(outcome, wasi_sockets_types_future_result_void_error_code, codes[result.val.err.tag])
OUTCOME(file_outcome, wasi_filesystem_types_future_result_void_error_code, file_codes[result.val.err.tag])
OUTCOME(input_outcome, wasi_cli_stdin_future_result_void_error_code, "error")

static void open_file(const char *step, const char *path) {
    wasi_filesystem_preopens_list_tuple2_own_descriptor_string_t folders;
    wasi_filesystem_preopens_get_directories(&folders);
    wasi_filesystem_types_method_descriptor_open_at_args_t args = {
        .self = wasi_filesystem_types_borrow_descriptor(folders.ptr[0].f0), .path = {(uint8_t *)path, strlen(path)},
        .open_flags = WASI_FILESYSTEM_TYPES_OPEN_FLAGS_CREATE,
        .flags = WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_READ | WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_WRITE};
    wasi_filesystem_types_result_own_descriptor_error_code_t result;
    if (done(step, wasi_filesystem_types_method_descriptor_open_at(&args, &result))) {
        if (!result.is_err)
            file = result.val.ok;
        say(step, result.is_err ? file_codes[result.val.err.tag] : "ok");
    }
    for (size_t i = 0; i < folders.len; i++)
        wasi_filesystem_types_descriptor_drop_own(folders.ptr[i].f0);
}

static void drop(const char *what) {
    if (strcmp(what, "listener") == 0)
        wasi_sockets_types_stream_own_tcp_socket_drop_readable(listener);
    else if (strcmp(what, "reader") == 0)
        wasi_sockets_types_stream_u8_drop_readable(reader);
    else if (strcmp(what, "writer") == 0)
        wasi_sockets_types_stream_u8_drop_writable(writer);
    else if (strcmp(what, "received") == 0)
        wasi_sockets_types_future_result_void_error_code_drop_readable(received);
    else if (strcmp(what, "sent") == 0)
        wasi_sockets_types_future_result_void_error_code_drop_readable(sent);
    else if (strcmp(what, "file") == 0)
        wasi_filesystem_types_descriptor_drop_own(file);
    else if (strcmp(what, "filed") == 0)
        wasi_filesystem_types_future_result_void_error_code_drop_readable(filed);
    else if (datagrams)
        wasi_sockets_types_udp_socket_drop_own(udp);
    else
        wasi_sockets_types_tcp_socket_drop_own(tcp);
}

static void get(const char *step) {
    wasi_sockets_types_result_tuple2_list_u8_ip_socket_address_error_code_t got;
    if (!done(step, wasi_sockets_types_method_udp_socket_receive(wasi_sockets_types_borrow_udp_socket(udp), &got)))
        return;
    char text[64];
    if (got.is_err)
        snprintf(text, sizeof text, "%s", codes[got.val.err.tag]);
    else
        snprintf(text, sizeof text, "%.*s", (int)got.val.ok.f0.len, (char *)got.val.ok.f0.ptr);
    wasi_sockets_types_result_tuple2_list_u8_ip_socket_address_error_code_free(&got);
    say(step, text);
}

static void put(const char *step, const char *to, const char *text) {
    wasi_sockets_types_method_udp_socket_send_args_t args = {
        wasi_sockets_types_borrow_udp_socket(udp), {(uint8_t *)text, strlen(text)}, {.is_some = strcmp(to, "-") != 0}};
    if (args.remote_address.is_some)
        args.remote_address.val = address(to);
    result_t result;
    if (done(step, wasi_sockets_types_method_udp_socket_send(&args, &result)))
        tell_result(step, &result);
}

static void resolve(const char *step, const char *name) {
    wasi_sockets_ip_name_lookup_result_list_ip_address_error_code_t found;
    if (!done(step, wasi_sockets_ip_name_lookup_resolve_addresses((steps_string_t){(uint8_t *)name, strlen(name)}, &found)))
        return;
    char text[64];
    if (found.is_err)
        snprintf(text, sizeof text, "%s", lookup_codes[found.val.err.tag]);
    else
        snprintf(text, sizeof text, "%u.%u.%u.%u", found.val.ok.ptr->val.ipv4.f0, found.val.ok.ptr->val.ipv4.f1, found.val.ok.ptr->val.ipv4.f2,
                 found.val.ok.ptr->val.ipv4.f3);
    wasi_sockets_ip_name_lookup_result_list_ip_address_error_code_free(&found);
    say(step, text);
}

static void step(char *text) {
    char *word = strtok(text, " "), *arg = strtok(0, " "), *rest = strtok(0, "");
    limit = 0;
    if (strcmp(word, "within") == 0) {
        limit = (unsigned)atoi(arg);
        word = strtok(rest, " "), arg = strtok(0, " "), rest = strtok(0, "");
    }
    code_t code;
    address_t at;
#define IS(name) (strcmp(word, name) == 0)
    if (IS("tcp") || IS("udp")) {
        create(word);
    } else if (IS("bind")) {
        bind(word, address(arg));
    } else if (IS("connect")) {
        connect(word, address(arg));
    } else if (IS("listen")) {
        tell(word, wasi_sockets_types_method_tcp_socket_listen(wasi_sockets_types_borrow_tcp_socket(tcp), &listener, &code), &code);
    } else if (IS("accept")) {
        accept(word);
    } else if (IS("receive")) {
        wasi_sockets_types_tuple2_stream_u8_future_result_void_error_code_t both;
        wasi_sockets_types_method_tcp_socket_receive(wasi_sockets_types_borrow_tcp_socket(tcp), &both);
        reader = both.f0, received = both.f1;
    } else if (IS("send")) {
        wasi_sockets_types_stream_u8_t data = wasi_sockets_types_stream_u8_new(&writer);
        sent = wasi_sockets_types_method_tcp_socket_send(wasi_sockets_types_borrow_tcp_socket(tcp), data);
    } else if (IS("read")) {
        read(word, (size_t)atoi(arg));
    } else if (IS("write")) {
        write(word, (uint8_t *)arg, strlen(arg));
    } else if (IS("flood")) {
        write(word, 0, (size_t)atoi(arg));
    } else if (IS("await")) {
        await(word, arg);
    } else if (IS("received")) {
        outcome(word, received);
    } else if (IS("sent")) {
        outcome(word, sent);
    } else if (IS("drop")) {
        drop(arg);
    } else if (IS("local")) {
        bool ok = datagrams ? wasi_sockets_types_method_udp_socket_get_local_address(wasi_sockets_types_borrow_udp_socket(udp), &at, &code)
                            : wasi_sockets_types_method_tcp_socket_get_local_address(wasi_sockets_types_borrow_tcp_socket(tcp), &at, &code);
        tell_address(word, ok, &at, &code);
    } else if (IS("remote")) {
        tell_address(word, wasi_sockets_types_method_tcp_socket_get_remote_address(wasi_sockets_types_borrow_tcp_socket(tcp), &at, &code), &at, &code);
    } else if (IS("disconnect")) {
        tell(word, wasi_sockets_types_method_udp_socket_disconnect(wasi_sockets_types_borrow_udp_socket(udp), &code), &code);
    } else if (IS("get")) {
        get(word);
    } else if (IS("put")) {
        put(word, arg, rest);
    } else if (IS("resolve")) {
        resolve(word, arg);
    } else if (IS("open")) {
        open_file(word, arg);
    } else if (IS("load")) {
        wasi_filesystem_types_tuple2_stream_u8_future_result_void_error_code_t both;
        wasi_filesystem_types_method_descriptor_read_via_stream(wasi_filesystem_types_borrow_descriptor(file), (uint64_t)atoi(arg), &both);
        reader = both.f0, filed = both.f1;
    } else if (IS("store")) {
        wasi_filesystem_types_stream_u8_t data = wasi_sockets_types_stream_u8_new(&writer);
        filed = wasi_filesystem_types_method_descriptor_write_via_stream(wasi_filesystem_types_borrow_descriptor(file), data, (uint64_t)atoi(arg));
    } else if (IS("append")) {
        wasi_filesystem_types_stream_u8_t data = wasi_sockets_types_stream_u8_new(&writer);
        filed = wasi_filesystem_types_method_descriptor_append_via_stream(wasi_filesystem_types_borrow_descriptor(file), data);
    } else if (IS("filed")) {
        file_outcome(word, filed);
    } else if (IS("input")) {
        wasi_cli_stdin_tuple2_stream_u8_future_result_void_error_code_t both;
        wasi_cli_stdin_read_via_stream(&both);
        reader = both.f0, ended = both.f1;
    } else if (IS("ended")) {
        input_outcome(word, ended);
    } else if (IS("sleep")) {
        done(word, wasi_clocks_monotonic_clock_wait_for((uint64_t)atoi(arg) * 1000000));
    } else {
        say(word, "unknown");
        abort();
    }
}

steps_callback_code_t exports_wasi_cli_run_run(void) {
    steps_list_string_t args;
    wasi_cli_environment_get_arguments(&args);
    wasi_cli_stdin_stream_u8_t printed = wasi_cli_stdin_stream_u8_new(&out);
    wasi_cli_stdout_future_result_void_error_code_t end = wasi_cli_stdout_write_via_stream(printed);
    int left = 0;
    size_t again = 0;
    for (size_t i = 1; i < args.len; i++) {
        char *text = strndup((char *)args.ptr[i].ptr, args.ptr[i].len);
        if (sscanf(text, "repeat %d", &left) == 1)
            again = i;
        else
            step(text);
        free(text);
        if (i == args.len - 1 && --left > 0)
            i = again;
    }
    wasi_cli_stdin_stream_u8_drop_writable(out);
    wasi_cli_stdout_result_void_error_code_t result;
    if (wasi_cli_stdout_future_result_void_error_code_read(end, &result) == STEPS_WAITABLE_STATUS_BLOCKED)
        event(end, 0);
    exports_wasi_cli_run_run_return((exports_wasi_cli_run_result_void_void_t){.is_err = false});
    return STEPS_CALLBACK_CODE_EXIT;
}

steps_callback_code_t exports_wasi_cli_run_run_callback(steps_event_t *event) {
    (void)event;
    abort();
}
