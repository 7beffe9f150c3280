//! A middleware of wasi:http: it stands before a service, and lets through to it the requests that have the token of the environment
//! variable TOKEN. In each response it says how long the service took.

use wasip3::clocks::monotonic_clock::now;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::wit_future;

mod bindings {
    wit_bindgen::generate!({
        path: "wit", // from the crate wasip3, put there by ../build-components.sh
        world: "wasi:http/middleware",
        with: {
            "wasi:http/types@0.3.2": wasip3::http::types,
            "wasi:http/client@0.3.2": wasip3::http::client,
            "wasi:clocks/types@0.3.2": wasip3::clocks::types,
            "wasi:clocks/monotonic-clock@0.3.2": wasip3::clocks::monotonic_clock,
            "wasi:clocks/system-clock@0.3.2": wasip3::clocks::system_clock,
            "wasi:cli/types@0.3.2": wasip3::cli::types,
            "wasi:cli/stdin@0.3.2": wasip3::cli::stdin,
            "wasi:cli/stdout@0.3.2": wasip3::cli::stdout,
            "wasi:cli/stderr@0.3.2": wasip3::cli::stderr,
            "wasi:random/random@0.3.2": wasip3::random::random,
            "wasi:random/insecure@0.3.2": wasip3::random::insecure,
            "wasi:random/insecure-seed@0.3.2": wasip3::random::insecure_seed,
        },
    });
}

struct Middleware;

bindings::export!(Middleware with_types_in bindings);

impl bindings::exports::wasi::http::handler::Guest for Middleware {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        if !allowed(&request) {
            return refusal();
        }
        let start = now();
        let response = bindings::wasi::http::handler::handle(request).await?;
        with_field(response, "server-timing", format!("service;dur={:.1}", (now() - start) as f64 / 1e6))
    }
}

/// Reports whether a request has the token.
fn allowed(request: &Request) -> bool {
    let Ok(token) = std::env::var("TOKEN") else { return false };
    request.get_headers().get("authorization") == [format!("Bearer {token}").into_bytes()]
}

fn refusal() -> Result<Response, ErrorCode> {
    let fields = Fields::from_list(&[("www-authenticate".into(), b"Bearer".to_vec())]).map_err(|_| ErrorCode::InternalError(None))?;
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(fields, None, trailers);
    response.set_status_code(401).map_err(|()| ErrorCode::InternalError(None))?;
    Ok(response)
}

/// Returns a response with one more field. Its body and its trailers are passed on as they come.
fn with_field(response: Response, name: &str, value: String) -> Result<Response, ErrorCode> {
    let fields = response.get_headers().clone();
    fields.append(name, value.as_bytes()).map_err(|_| ErrorCode::InternalError(None))?;
    let status = response.get_status_code();
    let (_, read) = wit_future::new(|| Ok(()));
    let (body, trailers) = Response::consume_body(response, read);
    let (response, _sent) = Response::new(fields, Some(body), trailers);
    response.set_status_code(status).map_err(|()| ErrorCode::InternalError(None))?;
    Ok(response)
}
