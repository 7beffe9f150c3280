// Functions that are given an open connection, as a tcp-socket or as a stream of what comes from it.
#include "wire.h"
#include <stdlib.h>

static uint8_t bytes[64 << 10];

// await waits, with its frames, for an event of a waitable, unless its code is known.
static uint32_t await(uint32_t waitable, uint32_t code) {
    if (code != WIRE_WAITABLE_STATUS_BLOCKED)
        return code;
    wire_waitable_set_t set = wire_waitable_set_new();
    wire_waitable_join(waitable, set);
    wire_event_t event;
    do
        wire_waitable_set_wait(set, &event);
    while (event.event == WIRE_EVENT_SUBTASK && event.code < WIRE_SUBTASK_RETURNED);
    wire_waitable_join(waitable, 0);
    wire_waitable_set_drop(set);
    return event.code;
}

#define EXITS(f) \
    wire_callback_code_t exports_wire_##f##_callback(wire_event_t *event) { (void)event; abort(); }
EXITS(proxy) EXITS(ask) EXITS(elsewhere) EXITS(relay) EXITS(drop) EXITS(count)

typedef wasi_sockets_types_future_result_void_error_code_t future_t;
typedef wasi_sockets_types_result_void_error_code_t outcome_t;

static const char *const codes[] = {
    "access-denied", "not-supported", "invalid-argument", "out-of-memory", "timeout", "invalid-state", "address-not-bindable",
    "address-in-use", "remote-unreachable", "connection-refused", "connection-broken", "connection-reset", "connection-aborted",
    "datagram-too-large", "other"};

static const char *text(outcome_t *o) { return o->is_err ? codes[o->val.err.tag] : "ok"; }

static const char *wait_for(future_t future) {
    outcome_t o;
    await(future, wasi_sockets_types_future_result_void_error_code_read(future, &o));
    wasi_sockets_types_future_result_void_error_code_drop_readable(future);
    return text(&o);
}

wire_callback_code_t exports_wire_proxy(wire_own_tcp_socket_t db, wire_stream_u8_t input) {
    wasi_sockets_types_borrow_tcp_socket_t self = wasi_sockets_types_borrow_tcp_socket(db);
    future_t sent = wasi_sockets_types_method_tcp_socket_send(self, input);
    wasi_sockets_types_tuple2_stream_u8_future_result_void_error_code_t received;
    wasi_sockets_types_method_tcp_socket_receive(self, &received);
    exports_wire_proxy_return(received.f0);
    wait_for(sent);
    wait_for(received.f1);
    wasi_sockets_types_tcp_socket_drop_own(db);
    return WIRE_CALLBACK_CODE_EXIT;
}

// write writes all, and reports whether somebody reads still.
static bool write(wire_stream_u8_writer_t to, const uint8_t *from, size_t n) {
    while (n > 0) {
        uint32_t put = await(to, wasi_sockets_types_stream_u8_write(to, from, n)), count = WIRE_WAITABLE_COUNT(put);
        from += count, n -= count;
        if (WIRE_WAITABLE_STATE(put) == WIRE_WAITABLE_DROPPED)
            return false;
    }
    return true;
}

// read reads a stream up to its end, and returns how many bytes came. As many as fit are in bytes, of which what comes later takes
// the place of the last half.
static size_t read(wire_stream_u8_t from) {
    size_t total = 0, at = 0;
    for (;;) {
        uint32_t got = await(from, wire_stream_u8_read(from, bytes + at, sizeof bytes - at));
        total += WIRE_WAITABLE_COUNT(got), at += WIRE_WAITABLE_COUNT(got);
        if (WIRE_WAITABLE_STATE(got) == WIRE_WAITABLE_DROPPED)
            break;
        if (at == sizeof bytes)
            at /= 2;
    }
    wire_stream_u8_drop_readable(from);
    return total;
}

wire_callback_code_t exports_wire_ask(wire_own_tcp_socket_t db, wire_string_t *question) {
    wasi_sockets_types_borrow_tcp_socket_t self = wasi_sockets_types_borrow_tcp_socket(db);
    wire_stream_u8_writer_t to;
    future_t sent = wasi_sockets_types_method_tcp_socket_send(self, wasi_sockets_types_stream_u8_new(&to));
    wasi_sockets_types_tuple2_stream_u8_future_result_void_error_code_t received;
    wasi_sockets_types_method_tcp_socket_receive(self, &received);
    write(to, question->ptr, question->len);
    wasi_sockets_types_stream_u8_drop_writable(to);
    const char *why = wait_for(sent);
    size_t n = read(received.f0);
    if (why[0] == 'o' && why[1] == 'k')
        why = wait_for(received.f1);
    wire_result_string_string_t result = {.is_err = why[0] != 'o' || why[1] != 'k'};
    if (result.is_err)
        wire_string_set(&result.val.err, why);
    else
        result.val.ok = (wire_string_t){bytes, n < sizeof bytes ? n : sizeof bytes};
    exports_wire_ask_return(result);
    wasi_sockets_types_tcp_socket_drop_own(db);
    return WIRE_CALLBACK_CODE_EXIT;
}

static const char *connect(wasi_sockets_types_own_tcp_socket_t socket, uint16_t port) {
    wasi_sockets_types_method_tcp_socket_connect_args_t args = {.self = wasi_sockets_types_borrow_tcp_socket(socket)};
    args.remote_address.val.ipv4 = (wasi_sockets_types_ipv4_socket_address_t){port, {127, 0, 0, 1}};
    outcome_t o;
    wire_subtask_status_t status = wasi_sockets_types_method_tcp_socket_connect(&args, &o);
    wire_subtask_t task = WIRE_SUBTASK_HANDLE(status);
    if (WIRE_SUBTASK_STATE(status) < WIRE_SUBTASK_RETURNED)
        await(task, WIRE_WAITABLE_STATUS_BLOCKED);
    if (task != 0)
        wire_subtask_drop(task);
    return text(&o);
}

wire_callback_code_t exports_wire_elsewhere(wire_own_tcp_socket_t db, uint16_t port) {
    wasi_sockets_types_own_tcp_socket_t own;
    wasi_sockets_types_error_code_t code;
    if (!wasi_sockets_types_static_tcp_socket_create(WASI_SOCKETS_TYPES_IP_ADDRESS_FAMILY_IPV4, &own, &code))
        abort();
    wire_tuple2_string_string_t result;
    wire_string_set(&result.f0, connect(own, port));
    wire_string_set(&result.f1, connect(db, port));
    exports_wire_elsewhere_return(result);
    return WIRE_CALLBACK_CODE_EXIT;
}

wire_callback_code_t exports_wire_relay(wire_own_tcp_socket_t source, wire_own_tcp_socket_t target) {
    wasi_sockets_types_tuple2_stream_u8_future_result_void_error_code_t received;
    wasi_sockets_types_method_tcp_socket_receive(wasi_sockets_types_borrow_tcp_socket(source), &received);
    wire_stream_u8_writer_t to;
    future_t sent = wasi_sockets_types_method_tcp_socket_send(wasi_sockets_types_borrow_tcp_socket(target), wasi_sockets_types_stream_u8_new(&to));
    for (bool more = true; more;) {
        uint32_t got = await(received.f0, wire_stream_u8_read(received.f0, bytes, sizeof bytes));
        more = write(to, bytes, WIRE_WAITABLE_COUNT(got)) && WIRE_WAITABLE_STATE(got) != WIRE_WAITABLE_DROPPED;
    }
    wire_stream_u8_drop_readable(received.f0);
    wasi_sockets_types_stream_u8_drop_writable(to);
    wire_string_t result;
    wire_string_dup(&result, wait_for(sent));
    exports_wire_relay_return(result);
    wasi_sockets_types_future_result_void_error_code_drop_readable(received.f1);
    wasi_sockets_types_tcp_socket_drop_own(source);
    wasi_sockets_types_tcp_socket_drop_own(target);
    return WIRE_CALLBACK_CODE_EXIT;
}

wire_callback_code_t exports_wire_drop(wire_own_tcp_socket_t first, wire_own_tcp_socket_t second) {
    wasi_sockets_types_tcp_socket_drop_own(first);
    wasi_sockets_types_tcp_socket_drop_own(second);
    exports_wire_drop_return();
    return WIRE_CALLBACK_CODE_EXIT;
}

wire_callback_code_t exports_wire_count(wire_stream_u8_t input) {
    exports_wire_count_return(read(input));
    return WIRE_CALLBACK_CODE_EXIT;
}
