// A service of WASI 0.2 that has another workload ask the server that its path names.
#include "asks.h"

#define T(name) wasi_http_types_##name

void exports_wasi_http_incoming_handler_handle(T(own_incoming_request_t) request, T(own_response_outparam_t) to) {
  asks_string_t path;
  if (T(method_incoming_request_path_with_query)(T(borrow_incoming_request)(request), &path)) {
    asks_string_t server = {path.ptr + 1, path.len - 1};
    example_circle_asking_ask(&server);
  }
  T(incoming_request_drop_own)(request);
  T(result_own_outgoing_response_error_code_t) result = {.val = {.ok = T(constructor_outgoing_response)(T(constructor_fields)())}};
  T(static_response_outparam_set)(to, &result);
}
