// A service of WASI 0.2. It echoes the body of a request, with its trailers; or, if the request names a server in the field "to",
// what that server answers. Paths make it misbehave: /none answers nothing, /trap traps, /open leaves the body unfinished,
// /short and /long announce another length than they send.
#include "gateway.h"

#include <stdlib.h>
#include <string.h>

#define T(name) wasi_http_types_##name

static void append(T(own_fields_t) to, const char *name, const char *value) {
  gateway_string_t n;
  gateway_string_set(&n, name);
  gateway_list_u8_t v = {(uint8_t *)value, strlen(value)};
  T(header_error_t) error;
  if (!T(method_fields_append)(T(borrow_fields)(to), &n, &v, &error)) abort();
}

// copy copies a body to another one, and returns whether there are trailers.
static bool copy(T(own_incoming_body_t) from, T(own_outgoing_body_t) to, T(own_fields_t) *trailers) {
  wasi_io_streams_own_input_stream_t in;
  wasi_io_streams_own_output_stream_t out;
  if (!T(method_incoming_body_stream)(T(borrow_incoming_body)(from), &in)) abort();
  if (!T(method_outgoing_body_write)(T(borrow_outgoing_body)(to), &out)) abort();
  gateway_list_u8_t piece;
  wasi_io_streams_stream_error_t error;
  while (wasi_io_streams_method_input_stream_blocking_read(wasi_io_streams_borrow_input_stream(in), 4096, &piece, &error)) {
    wasi_io_streams_stream_error_t failed;
    bool ok = wasi_io_streams_method_output_stream_blocking_write_and_flush(wasi_io_streams_borrow_output_stream(out), &piece, &failed);
    free(piece.ptr);
    if (!ok) break;
  }
  wasi_io_streams_input_stream_drop_own(in);
  wasi_io_streams_output_stream_drop_own(out);
  T(own_future_trailers_t) rest = T(static_incoming_body_finish)(from);
  T(own_pollable_t) wait = T(method_future_trailers_subscribe)(T(borrow_future_trailers)(rest));
  wasi_io_poll_method_pollable_block(wasi_io_poll_borrow_pollable(wait));
  wasi_io_poll_pollable_drop_own(wait);
  T(result_result_option_own_fields_error_code_void_t) result;
  bool some = T(method_future_trailers_get)(T(borrow_future_trailers)(rest), &result) && !result.is_err && !result.val.ok.is_err &&
              result.val.ok.val.ok.is_some;
  if (some) *trailers = result.val.ok.val.ok.val;
  T(future_trailers_drop_own)(rest);
  return some;
}

// fetch asks a server, and returns whether there is an answer.
static bool fetch(gateway_list_u8_t *server, T(own_incoming_body_t) *body, T(error_code_t) *error) {
  T(own_outgoing_request_t) request = T(constructor_outgoing_request)(T(constructor_fields)());
  T(scheme_t) scheme = {.tag = WASI_HTTP_TYPES_SCHEME_HTTP};
  T(method_outgoing_request_set_scheme)(T(borrow_outgoing_request)(request), &scheme);
  gateway_string_t authority = {server->ptr, server->len};
  T(method_outgoing_request_set_authority)(T(borrow_outgoing_request)(request), &authority);
  T(own_future_incoming_response_t) future;
  if (!wasi_http_outgoing_handler_handle(request, NULL, &future, error)) return false;
  T(own_pollable_t) wait = T(method_future_incoming_response_subscribe)(T(borrow_future_incoming_response)(future));
  wasi_io_poll_method_pollable_block(wasi_io_poll_borrow_pollable(wait));
  wasi_io_poll_pollable_drop_own(wait);
  T(result_result_own_incoming_response_error_code_void_t) result;
  if (!T(method_future_incoming_response_get)(T(borrow_future_incoming_response)(future), &result) || result.is_err) abort();
  T(future_incoming_response_drop_own)(future);
  if (result.val.ok.is_err) {
    *error = result.val.ok.val.err;
    return false;
  }
  T(own_incoming_response_t) response = result.val.ok.val.ok;
  if (!T(method_incoming_response_consume)(T(borrow_incoming_response)(response), body)) abort();
  T(incoming_response_drop_own)(response);
  return true;
}

static void answer(T(own_response_outparam_t) to, T(own_outgoing_response_t) response) {
  T(result_own_outgoing_response_error_code_t) result = {.is_err = false, .val = {.ok = response}};
  T(static_response_outparam_set)(to, &result);
}

static void refuse(T(own_response_outparam_t) to, T(error_code_t) error) {
  T(result_own_outgoing_response_error_code_t) result = {.is_err = true, .val = {.err = error}};
  T(static_response_outparam_set)(to, &result);
}

void exports_wasi_http_incoming_handler_handle(T(own_incoming_request_t) request, T(own_response_outparam_t) to) {
  T(borrow_incoming_request_t) r = T(borrow_incoming_request)(request);
  gateway_string_t path = {(uint8_t *)"", 0};
  T(method_incoming_request_path_with_query)(r, &path);
#define IS(text) (path.len == strlen(text) && memcmp(path.ptr, text, path.len) == 0)
  if (IS("/none")) return;
  if (IS("/trap")) abort();
  T(own_fields_t) headers = T(method_incoming_request_headers)(r);
  gateway_string_t name;
  gateway_string_set(&name, "to");
  gateway_list_list_u8_t servers;
  T(method_fields_get)(T(borrow_fields)(headers), &name, &servers);
  T(fields_drop_own)(headers);
  T(own_incoming_body_t) from;
  T(error_code_t) error;
  if (servers.len > 0) {
    if (!fetch(&servers.ptr[0], &from, &error)) {
      refuse(to, error);
      return;
    }
  } else if (!T(method_incoming_request_consume)(r, &from)) {
    abort();
  }
  T(own_fields_t) fields = T(constructor_fields)();
  if (IS("/short")) append(fields, "content-length", "1000");
  if (IS("/long")) append(fields, "content-length", "1");
  T(own_outgoing_response_t) response = T(constructor_outgoing_response)(fields);
  T(own_outgoing_body_t) body;
  if (!T(method_outgoing_response_body)(T(borrow_outgoing_response)(response), &body)) abort();
  answer(to, response);
  T(own_fields_t) trailers;
  bool some = copy(from, body, &trailers);
  T(incoming_request_drop_own)(request);
  if (IS("/open")) return;
  T(static_outgoing_body_finish)(body, some ? &trailers : NULL, &error);
}
