//! A service of wasi:http that fetches, and serves what it fetched.

use futures_util::future::try_join_all;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use wasip3::http::types::ErrorCode;
use wasip3::http_compat::{
    IncomingResponseBody, http_from_wasi_request, http_from_wasi_response, http_into_wasi_request, http_into_wasi_response,
};
use wasip3::http::{client, types};

struct Fetch;

wasip3::http::service::export!(Fetch);

impl wasip3::exports::http::handler::Guest for Fetch {
    async fn handle(request: types::Request) -> Result<types::Response, ErrorCode> {
        let request = http_from_wasi_request(request)?;
        let from = request.uri().query().unwrap_or_default();
        match request.uri().path() {
            "/ten" => http_into_wasi_response(Response::new(ten(from).await?)),
            "/stream" => http_into_wasi_response(get(from).await?),
            _ => {
                let mut response = Response::new("/ten?BASE, /stream?URL\n".to_string());
                *response.status_mut() = StatusCode::NOT_FOUND;
                http_into_wasi_response(response)
            }
        }
    }
}

/// Fetches BASE/1 to BASE/10 at once, and returns their bodies in order.
async fn ten(base: &str) -> Result<String, ErrorCode> {
    let bodies = try_join_all((1..=10).map(async |n| {
        let response = get(&format!("{base}/{n}")).await?;
        let body = response.into_body().collect().await?.to_bytes();
        Ok::<_, ErrorCode>(String::from_utf8_lossy(&body).into_owned())
    }));
    Ok(bodies.await?.concat())
}

/// Returns a response as soon as its headers are there; its body comes as it is read.
async fn get(url: &str) -> Result<Response<IncomingResponseBody>, ErrorCode> {
    let request = Request::get(url).body(String::new()).map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
    let response = client::send(http_into_wasi_request(request)?).await?;
    http_from_wasi_response(response)
}
