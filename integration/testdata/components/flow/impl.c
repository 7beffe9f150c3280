#include "flow.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK (64 << 10)

static uint8_t bytes[CHUNK];

// await waits, with its frames, for the end of a copy.
static flow_waitable_status_t await(uint32_t end, flow_waitable_status_t status) {
    if (status != FLOW_WAITABLE_STATUS_BLOCKED)
        return status;
    flow_waitable_set_t set = flow_waitable_set_new();
    flow_waitable_join(end, set);
    flow_event_t event;
    flow_waitable_set_wait(set, &event);
    flow_waitable_join(end, 0);
    flow_waitable_set_drop(set);
    return event.code;
}

// No function has a callback that is called, but for those that say so.
#define EXITS(f) \
    flow_callback_code_t exports_flow_##f##_callback(flow_event_t *event) { (void)event; abort(); }
EXITS(greet) EXITS(upper) EXITS(maybe_upper) EXITS(same) EXITS(count) EXITS(total) EXITS(items) EXITS(later)

flow_callback_code_t exports_flow_greet(flow_string_t *name) {
    flow_string_t text = {malloc(name->len + 7), name->len + 7};
    memcpy(text.ptr, "hello, ", 7);
    memcpy(text.ptr + 7, name->ptr, name->len);
    exports_flow_greet_return(text);
    flow_string_free(&text);
    return FLOW_CALLBACK_CODE_EXIT;
}

static uint32_t asked, left;

flow_callback_code_t exports_flow_turns(uint32_t times) {
    asked = left = times;
    return exports_flow_turns_callback(0);
}

flow_callback_code_t exports_flow_turns_callback(flow_event_t *event) {
    (void)event;
    if (left == 0) {
        exports_flow_turns_return(asked);
        return FLOW_CALLBACK_CODE_EXIT;
    }
    left--;
    return FLOW_CALLBACK_CODE_YIELD;
}

flow_callback_code_t exports_flow_forever(void) { return FLOW_CALLBACK_CODE_YIELD; }

flow_callback_code_t exports_flow_forever_callback(flow_event_t *event) {
    if (event->event != FLOW_EVENT_CANCEL)
        return FLOW_CALLBACK_CODE_YIELD;
    flow_task_cancel();
    return FLOW_CALLBACK_CODE_EXIT;
}

flow_callback_code_t exports_flow_stubborn(void) { return FLOW_CALLBACK_CODE_YIELD; }

flow_callback_code_t exports_flow_stubborn_callback(flow_event_t *event) {
    (void)event;
    return FLOW_CALLBACK_CODE_YIELD;
}

flow_callback_code_t exports_flow_deadlock(void) { return FLOW_CALLBACK_CODE_WAIT(flow_waitable_set_new()); }

flow_callback_code_t exports_flow_deadlock_callback(flow_event_t *event) {
    (void)event;
    return FLOW_CALLBACK_CODE_EXIT;
}

static void raise(flow_stream_u8_t from, flow_stream_u8_writer_t to) {
    for (;;) {
        flow_waitable_status_t got = await(from, flow_stream_u8_read(from, bytes, CHUNK));
        uint32_t n = FLOW_WAITABLE_COUNT(got), sent = 0;
        for (uint32_t i = 0; i < n; i++)
            bytes[i] = (uint8_t)toupper(bytes[i]);
        bool gone = false;
        while (sent < n && !gone) {
            flow_waitable_status_t put = await(to, flow_stream_u8_write(to, bytes + sent, n - sent));
            sent += FLOW_WAITABLE_COUNT(put);
            gone = FLOW_WAITABLE_STATE(put) == FLOW_WAITABLE_DROPPED;
        }
        if (gone || FLOW_WAITABLE_STATE(got) == FLOW_WAITABLE_DROPPED)
            break;
    }
    flow_stream_u8_drop_readable(from);
    flow_stream_u8_drop_writable(to);
}

flow_callback_code_t exports_flow_upper(flow_stream_u8_t input) {
    flow_stream_u8_writer_t to;
    exports_flow_upper_return(flow_stream_u8_new(&to));
    raise(input, to);
    return FLOW_CALLBACK_CODE_EXIT;
}

flow_callback_code_t exports_flow_maybe_upper(flow_stream_u8_t *input) {
    flow_result_stream_u8_string_t result = {.is_err = !input};
    flow_stream_u8_writer_t to;
    if (input)
        result.val.ok = flow_stream_u8_new(&to);
    else
        flow_string_set(&result.val.err, "there is no input");
    exports_flow_maybe_upper_return(result);
    if (input)
        raise(*input, to);
    return FLOW_CALLBACK_CODE_EXIT;
}

flow_callback_code_t exports_flow_same(flow_stream_u8_t input) {
    exports_flow_same_return(input);
    return FLOW_CALLBACK_CODE_EXIT;
}

flow_callback_code_t exports_flow_count(uint32_t first, uint32_t times) {
    flow_stream_u32_writer_t to;
    exports_flow_count_return(flow_stream_u32_new(&to));
    uint32_t numbers[256];
    while (times > 0) {
        uint32_t n = times < 256 ? times : 256, sent = 0;
        for (uint32_t i = 0; i < n; i++)
            numbers[i] = first++;
        while (sent < n) {
            flow_waitable_status_t put = await(to, flow_stream_u32_write(to, numbers + sent, n - sent));
            sent += FLOW_WAITABLE_COUNT(put);
            if (FLOW_WAITABLE_STATE(put) == FLOW_WAITABLE_DROPPED)
                times = n = sent;
        }
        times -= n;
    }
    flow_stream_u32_drop_writable(to);
    return FLOW_CALLBACK_CODE_EXIT;
}

flow_callback_code_t exports_flow_total(flow_stream_u32_t from) {
    uint32_t numbers[256];
    uint64_t sum = 0;
    flow_waitable_status_t got;
    do {
        got = await(from, flow_stream_u32_read(from, numbers, 256));
        for (uint32_t i = 0; i < FLOW_WAITABLE_COUNT(got); i++)
            sum += numbers[i];
    } while (FLOW_WAITABLE_STATE(got) == FLOW_WAITABLE_COMPLETED);
    flow_stream_u32_drop_readable(from);
    exports_flow_total_return(sum);
    return FLOW_CALLBACK_CODE_EXIT;
}

flow_callback_code_t exports_flow_items(flow_stream_item_t from) {
    flow_stream_item_writer_t to;
    exports_flow_items_return(flow_stream_item_new(&to));
    for (;;) {
        flow_item_t item;
        flow_waitable_status_t got = await(from, flow_stream_item_read(from, &item, 1));
        if (FLOW_WAITABLE_COUNT(got) == 0)
            break;
        item.size++;
        flow_waitable_status_t put = await(to, flow_stream_item_write(to, &item, 1));
        flow_item_free(&item);
        if (FLOW_WAITABLE_STATE(put) == FLOW_WAITABLE_DROPPED)
            break;
    }
    flow_stream_item_drop_readable(from);
    flow_stream_item_drop_writable(to);
    return FLOW_CALLBACK_CODE_EXIT;
}

static uint32_t number;

flow_callback_code_t exports_flow_unread(flow_stream_u8_t input, flow_future_u32_t until) {
    (void)input;
    flow_waitable_set_t set = flow_waitable_set_new();
    if (flow_future_u32_read(until, &number) != FLOW_WAITABLE_STATUS_BLOCKED) {
        exports_flow_unread_return(number);
        return FLOW_CALLBACK_CODE_EXIT;
    }
    flow_waitable_join(until, set);
    return FLOW_CALLBACK_CODE_WAIT(set);
}

flow_callback_code_t exports_flow_unread_callback(flow_event_t *event) {
    if (event->event == FLOW_EVENT_CANCEL)
        flow_task_cancel();
    else
        exports_flow_unread_return(number);
    return FLOW_CALLBACK_CODE_EXIT;
}

flow_callback_code_t exports_flow_later(flow_future_string_t value) {
    flow_future_string_writer_t to;
    exports_flow_later_return(flow_future_string_new(&to));
    flow_string_t text;
    await(value, flow_future_string_read(value, &text));
    await(to, flow_future_string_write(to, &text));
    flow_string_free(&text);
    flow_future_string_drop_readable(value);
    flow_future_string_drop_writable(to);
    return FLOW_CALLBACK_CODE_EXIT;
}
