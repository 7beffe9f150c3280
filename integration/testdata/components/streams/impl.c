#include "streams.h"
#include <stdlib.h>
#include <string.h>

#define CHUNK (64 << 10)

static uint8_t bytes[CHUNK];

// await waits, with its frames, for the end of a copy.
static streams_waitable_status_t await(uint32_t end, streams_waitable_status_t status) {
    if (status != STREAMS_WAITABLE_STATUS_BLOCKED)
        return status;
    streams_waitable_set_t set = streams_waitable_set_new();
    streams_waitable_join(end, set);
    streams_event_t event;
    streams_waitable_set_wait(set, &event);
    streams_waitable_join(end, 0);
    streams_waitable_set_drop(set);
    return event.code;
}

// No function has a callback that is called.
#define EXITS(f) \
    streams_callback_code_t exports_streams_##f##_callback(streams_event_t *event) { (void)event; abort(); }
EXITS(copy) EXITS(tee) EXITS(read) EXITS(zip) EXITS(check)

// put writes bytes, and reports whether somebody reads them.
static bool put(streams_stream_u8_writer_t to, const uint8_t *from, size_t n) {
    for (size_t sent = 0; sent < n;) {
        streams_waitable_status_t status = await(to, streams_stream_u8_write(to, from + sent, n - sent));
        sent += STREAMS_WAITABLE_COUNT(status);
        if (STREAMS_WAITABLE_STATE(status) == STREAMS_WAITABLE_DROPPED)
            return false;
    }
    return true;
}

streams_callback_code_t exports_streams_copy(streams_stream_u8_t input) {
    streams_stream_u8_writer_t to;
    exports_streams_copy_return(streams_stream_u8_new(&to));
    streams_waitable_status_t got;
    do
        got = await(input, streams_stream_u8_read(input, bytes, CHUNK));
    while (put(to, bytes, STREAMS_WAITABLE_COUNT(got)) && STREAMS_WAITABLE_STATE(got) == STREAMS_WAITABLE_COMPLETED);
    streams_stream_u8_drop_readable(input);
    streams_stream_u8_drop_writable(to);
    return STREAMS_CALLBACK_CODE_EXIT;
}

streams_callback_code_t exports_streams_tee(streams_stream_u8_t input) {
    streams_stream_u8_writer_t a, b;
    streams_tuple2_stream_u8_stream_u8_t both = {streams_stream_u8_new(&a), streams_stream_u8_new(&b)};
    exports_streams_tee_return(both);
    streams_waitable_status_t got;
    bool first = true, second = true;
    do {
        got = await(input, streams_stream_u8_read(input, bytes, CHUNK));
        first = first && put(a, bytes, STREAMS_WAITABLE_COUNT(got));
        second = second && put(b, bytes, STREAMS_WAITABLE_COUNT(got));
    } while (STREAMS_WAITABLE_STATE(got) == STREAMS_WAITABLE_COMPLETED && (first || second));
    streams_stream_u8_drop_readable(input);
    streams_stream_u8_drop_writable(a);
    streams_stream_u8_drop_writable(b);
    return STREAMS_CALLBACK_CODE_EXIT;
}

streams_callback_code_t exports_streams_read(streams_string_t *text, streams_string_t *fault) {
    streams_stream_u8_writer_t to;
    streams_future_result_void_string_writer_t end;
    streams_tuple2_stream_u8_future_result_void_string_t result = {streams_stream_u8_new(&to), streams_future_result_void_string_new(&end)};
    exports_streams_read_return(result);
    put(to, text->ptr, text->len);
    streams_stream_u8_drop_writable(to);
    streams_result_void_string_t how = {.is_err = fault != NULL};
    if (fault)
        how.val.err = *fault;
    await(end, streams_future_result_void_string_write(end, &how));
    streams_future_result_void_string_drop_writable(end);
    return STREAMS_CALLBACK_CODE_EXIT;
}

streams_callback_code_t exports_streams_zip(streams_stream_u32_t numbers, streams_stream_string_t names) {
    streams_stream_tuple2_u32_string_writer_t to;
    exports_streams_zip_return(streams_stream_tuple2_u32_string_new(&to));
    bool more = true;
    while (more) {
        streams_tuple2_u32_string_t pair;
        streams_waitable_status_t number = await(numbers, streams_stream_u32_read(numbers, &pair.f0, 1));
        if (STREAMS_WAITABLE_COUNT(number) == 0)
            break;
        streams_waitable_status_t name = await(names, streams_stream_string_read(names, &pair.f1, 1));
        if (STREAMS_WAITABLE_COUNT(name) == 0)
            break;
        streams_waitable_status_t status = await(to, streams_stream_tuple2_u32_string_write(to, &pair, 1));
        streams_string_free(&pair.f1);
        more = STREAMS_WAITABLE_STATE(number) == STREAMS_WAITABLE_COMPLETED && STREAMS_WAITABLE_STATE(name) == STREAMS_WAITABLE_COMPLETED &&
               STREAMS_WAITABLE_STATE(status) == STREAMS_WAITABLE_COMPLETED;
    }
    streams_stream_u32_drop_readable(numbers);
    streams_stream_string_drop_readable(names);
    streams_stream_tuple2_u32_string_drop_writable(to);
    return STREAMS_CALLBACK_CODE_EXIT;
}

streams_callback_code_t exports_streams_check(streams_future_u32_t number) {
    streams_future_result_u32_string_writer_t to;
    exports_streams_check_return(streams_future_result_u32_string_new(&to));
    uint32_t n;
    await(number, streams_future_u32_read(number, &n));
    streams_result_u32_string_t result = {.is_err = n == 0};
    if (n == 0)
        streams_string_set(&result.val.err, "it is nothing");
    else
        result.val.ok = n;
    await(to, streams_future_result_u32_string_write(to, &result));
    streams_future_u32_drop_readable(number);
    streams_future_result_u32_string_drop_writable(to);
    return STREAMS_CALLBACK_CODE_EXIT;
}
