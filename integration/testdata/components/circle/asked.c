// What another workload calls, by an interface that it imports: it asks a server over HTTP.
#include "asked.h"

#include <stdlib.h>

#define T(name) wasi_http_types_##name

void exports_example_circle_asking_ask(asked_string_t *server) {
  T(own_outgoing_request_t) request = T(constructor_outgoing_request)(T(constructor_fields)());
  T(scheme_t) scheme = {.tag = WASI_HTTP_TYPES_SCHEME_HTTP};
  T(method_outgoing_request_set_scheme)(T(borrow_outgoing_request)(request), &scheme);
  T(method_outgoing_request_set_authority)(T(borrow_outgoing_request)(request), server);
  T(own_future_incoming_response_t) future;
  T(error_code_t) error;
  if (!wasi_http_outgoing_handler_handle(request, NULL, &future, &error)) abort();
  T(own_pollable_t) wait = T(method_future_incoming_response_subscribe)(T(borrow_future_incoming_response)(future));
  wasi_io_poll_method_pollable_block(wasi_io_poll_borrow_pollable(wait));
  wasi_io_poll_pollable_drop_own(wait);
  T(result_result_own_incoming_response_error_code_void_t) result;
  if (!T(method_future_incoming_response_get)(T(borrow_future_incoming_response)(future), &result) || result.is_err) abort();
  T(future_incoming_response_drop_own)(future);
  if (!result.val.ok.is_err) T(incoming_response_drop_own)(result.val.ok.val.ok);
}
