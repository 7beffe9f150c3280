// A service of wasi:http that fetches, and serves what it fetched. It waits with its frames, so an instance serves one request
// after the other; what it fetches for one, it fetches at once.
#include "fetch.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 10

// Shorter names for what the world calls its types.
typedef wasi_http_types_result_option_own_trailers_error_code_t trailers_t;
typedef wasi_http_types_future_result_option_own_trailers_error_code_t trailers_reader_t;
typedef wasi_http_types_future_result_option_own_trailers_error_code_writer_t trailers_writer_t;
typedef wasi_http_types_result_void_error_code_t outcome_t;
typedef wasi_http_types_future_result_void_error_code_t outcome_reader_t;
typedef wasi_http_types_future_result_void_error_code_writer_t outcome_writer_t;
typedef exports_wasi_http_handler_result_own_response_error_code_t answer_t;

// What is written of each message after its body: no trailers, and that all went well.
static const trailers_t no_trailers;
static const outcome_t success;

// wait waits for what has been begun on a waitable, and returns how it ended.
static uint32_t wait(uint32_t waitable, uint32_t status) {
    if (status != FETCH_WAITABLE_STATUS_BLOCKED)
        return status;
    fetch_waitable_set_t set = fetch_waitable_set_new();
    fetch_waitable_join(waitable, set);
    fetch_event_t event;
    fetch_waitable_set_wait(set, &event);
    fetch_waitable_join(waitable, 0);
    fetch_waitable_set_drop(set);
    return event.code;
}

// fetch is a request on its way.
struct fetch {
    trailers_writer_t trailers;
    fetch_waitable_status_t written; // of the trailers
    fetch_subtask_status_t sent;
    wasi_http_client_result_own_response_error_code_t result;
};

// begin sends a request for http://AUTHORITY/PATH, and does not wait.
static void begin(struct fetch *f, const char *url) {
    const char *authority = strncmp(url, "http://", 7) == 0 ? url + 7 : url;
    size_t length = strcspn(authority, "/");
    trailers_reader_t trailers = wasi_http_types_future_result_option_own_trailers_error_code_new(&f->trailers);
    wasi_http_types_tuple2_own_request_future_result_void_error_code_t made;
    wasi_http_types_static_request_new(wasi_http_types_constructor_fields(), NULL, trailers, NULL, &made);
    wasi_http_types_future_result_void_error_code_drop_readable(made.f1);
    wasi_http_types_borrow_request_t request = wasi_http_types_borrow_request(made.f0);
    wasi_http_types_scheme_t scheme = {.tag = WASI_HTTP_TYPES_SCHEME_HTTP};
    fetch_string_t host = {(uint8_t *)authority, length};
    fetch_string_t path = {(uint8_t *)authority + length, strlen(authority + length)};
    wasi_http_types_method_request_set_scheme(request, &scheme);
    wasi_http_types_method_request_set_authority(request, &host);
    wasi_http_types_method_request_set_path_with_query(request, &path);
    f->written = wasi_http_types_future_result_option_own_trailers_error_code_write(f->trailers, &no_trailers);
    f->sent = wasi_http_client_send(made.f0, &f->result);
}

// finish waits for the response, and reports whether there is one.
static bool finish(struct fetch *f) {
    if (FETCH_SUBTASK_STATE(f->sent) != FETCH_SUBTASK_RETURNED) {
        fetch_subtask_t subtask = FETCH_SUBTASK_HANDLE(f->sent);
        while (wait(subtask, FETCH_WAITABLE_STATUS_BLOCKED) != FETCH_SUBTASK_RETURNED) {}
        fetch_subtask_drop(subtask);
    }
    wait(f->trailers, f->written);
    wasi_http_types_future_result_option_own_trailers_error_code_drop_writable(f->trailers);
    return !f->result.is_err;
}

struct buffer {
    uint8_t *bytes;
    size_t length, room;
};

// read_body appends the body of a response.
static void read_body(wasi_http_types_own_response_t response, struct buffer *to) {
    outcome_writer_t outcome;
    outcome_reader_t reader = wasi_http_types_future_result_void_error_code_new(&outcome);
    wasi_http_types_tuple2_stream_u8_future_result_option_own_trailers_error_code_t body;
    wasi_http_types_static_response_consume_body(response, reader, &body);
    uint32_t got;
    do {
        if (to->room - to->length < 4096)
            to->bytes = realloc(to->bytes, to->room = 2 * to->room + 4096);
        got = wait(body.f0, wasi_http_types_stream_u8_read(body.f0, to->bytes + to->length, to->room - to->length));
        to->length += FETCH_WAITABLE_COUNT(got);
    } while (FETCH_WAITABLE_STATE(got) == FETCH_WAITABLE_COMPLETED);
    wasi_http_types_stream_u8_drop_readable(body.f0);
    wasi_http_types_future_result_option_own_trailers_error_code_drop_readable(body.f1);
    wait(outcome, wasi_http_types_future_result_void_error_code_write(outcome, &success));
    wasi_http_types_future_result_void_error_code_drop_writable(outcome);
}

// respond returns a response, and then writes its body.
static void respond(uint16_t status, const uint8_t *bytes, size_t length) {
    wasi_http_types_stream_u8_writer_t body;
    wasi_http_types_stream_u8_t contents = wasi_http_types_stream_u8_new(&body);
    trailers_writer_t trailers;
    trailers_reader_t reader = wasi_http_types_future_result_option_own_trailers_error_code_new(&trailers);
    wasi_http_types_tuple2_own_response_future_result_void_error_code_t made;
    wasi_http_types_static_response_new(wasi_http_types_constructor_fields(), &contents, reader, &made);
    wasi_http_types_method_response_set_status_code(wasi_http_types_borrow_response(made.f0), status);
    wasi_http_types_future_result_void_error_code_drop_readable(made.f1);
    exports_wasi_http_handler_handle_return((answer_t){.val.ok = made.f0});
    for (size_t sent = 0; sent < length;) {
        uint32_t put = wait(body, wasi_http_types_stream_u8_write(body, bytes + sent, length - sent));
        sent += FETCH_WAITABLE_COUNT(put);
        if (FETCH_WAITABLE_STATE(put) == FETCH_WAITABLE_DROPPED)
            break;
    }
    wasi_http_types_stream_u8_drop_writable(body);
    wait(trailers, wasi_http_types_future_result_option_own_trailers_error_code_write(trailers, &no_trailers));
    wasi_http_types_future_result_option_own_trailers_error_code_drop_writable(trailers);
}

// ten fetches BASE/1 to BASE/10 at once, and responds with their bodies in order.
static void ten(const char *base) {
    struct fetch fetches[COUNT];
    char urls[COUNT][1024];
    for (int i = 0; i < COUNT; i++) {
        snprintf(urls[i], sizeof urls[i], "%s/%d", base, i + 1);
        begin(&fetches[i], urls[i]);
    }
    struct buffer all = {0};
    bool failed = false;
    for (int i = 0; i < COUNT; i++) {
        if (finish(&fetches[i]))
            read_body(fetches[i].result.val.ok, &all);
        else
            failed = true;
    }
    if (failed)
        respond(502, NULL, 0);
    else
        respond(200, all.bytes, all.length);
    free(all.bytes);
}

// stream passes a response on: its body comes as it arrives.
static void stream(const char *url) {
    struct fetch f;
    begin(&f, url);
    answer_t answer = {.is_err = !finish(&f)};
    if (answer.is_err)
        answer.val.err = f.result.val.err;
    else
        answer.val.ok = f.result.val.ok;
    exports_wasi_http_handler_handle_return(answer);
}

fetch_callback_code_t exports_wasi_http_handler_handle(wasi_http_types_own_request_t request) {
    fetch_string_t path = {0};
    wasi_http_types_method_request_get_path_with_query(wasi_http_types_borrow_request(request), &path);
    char *target = strndup((char *)path.ptr, path.len);
    fetch_string_free(&path);
    wasi_http_types_request_drop_own(request);
    static const char usage[] = "/ten?BASE, /stream?URL\n";
    if (strncmp(target, "/ten?", 5) == 0)
        ten(target + 5);
    else if (strncmp(target, "/stream?", 8) == 0)
        stream(target + 8);
    else
        respond(404, (const uint8_t *)usage, sizeof usage - 1);
    free(target);
    return FETCH_CALLBACK_CODE_EXIT;
}

fetch_callback_code_t exports_wasi_http_handler_handle_callback(fetch_event_t *event) {
    (void)event;
    abort(); // the function has exited when it returns
}
