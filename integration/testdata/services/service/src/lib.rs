//! A service of WASI 0.3 that does what its path says, for the tests of `reactorctl serve`.

use std::sync::atomic::{AtomicU32, Ordering};
use wasip3::clocks::monotonic_clock::wait_for;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::wit_bindgen::spawn_local;
use wasip3::{wit_future, wit_stream};

wasip3::http::service::export!(Service);

struct Service;

static SERVED: AtomicU32 = AtomicU32::new(0);

impl wasip3::exports::http::handler::Guest for Service {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let target = request.get_path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let number: u64 = query.parse().unwrap_or(0);
        match path {
            "/echo" => Ok(echo(request)),
            "/sleep" => {
                wait_for(number * 1_000_000).await;
                Ok(text("slept\n".into()))
            }
            // The body goes on when the handler has returned.
            "/count" => Ok(count(number)),
            // How many requests this instance has had.
            "/served" => Ok(text(format!("{}\n", SERVED.fetch_add(1, Ordering::Relaxed) + 1))),
            "/forever" => {
                wait_for(u64::MAX / 2).await;
                Ok(text("never\n".into()))
            }
            "/spin" => loop {
                std::hint::spin_loop()
            },
            "/trap" => panic!("told to"),
            "/error" => Err(ErrorCode::LoopDetected),
            // The memory of the instance grows by so many MiB.
            "/grow" => {
                let memory = vec![1u8; (number as usize) << 20];
                wait_for(10_000_000).await;
                Ok(text(format!("{}\n", memory.len())))
            }
            _ => Ok(text("hello\n".into())),
        }
    }
}

fn text(content: String) -> Response {
    let (mut to, body) = wit_stream::new();
    let (trailers_to, trailers) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(Fields::new(), Some(body), trailers);
    drop(trailers_to);
    spawn_local(async move {
        to.write_all(content.into_bytes()).await;
    });
    response
}

fn echo(request: Request) -> Response {
    let (done_to, done) = wit_future::new(|| Ok(()));
    let (body, trailers) = Request::consume_body(request, done);
    drop(done_to);
    let (response, _sent) = Response::new(Fields::new(), Some(body), trailers);
    response
}

fn count(pieces: u64) -> Response {
    let (mut to, body) = wit_stream::new();
    let (trailers_to, trailers) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(Fields::new(), Some(body), trailers);
    spawn_local(async move {
        for i in 0..pieces {
            if !to.write_all(format!("{i}\n").into_bytes()).await.is_empty() {
                return; // nobody reads
            }
            wait_for(10_000_000).await;
        }
        drop(to);
        let fields = Fields::from_list(&[("x-count".into(), pieces.to_string().into_bytes())]).unwrap();
        let _ = trailers_to.write(Ok(Some(fields))).await;
    });
    response
}
