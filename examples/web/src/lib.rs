//! One program for a browser, Node and reactord: see docs/web.md.
#![no_std]

extern crate alloc;

use alloc::{format, string::String, vec::Vec};
use core::pin::pin;
use futures_util::future::{Either, select};
use wit_bindgen::{FutureReader, StreamReader, StreamResult, spawn_local};

wit_bindgen::generate!({ world: "everywhere", generate_all });

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

struct Everywhere;

export!(Everywhere);

impl Guest for Everywhere {
    async fn greet(name: String) -> Result<String, String> {
        if name.is_empty() {
            return Err("nobody to greet".into());
        }
        Ok(format!("Hello, {name}!"))
    }

    async fn words(text: StreamReader<u8>) -> (StreamReader<Word>, FutureReader<Summary>) {
        let (words, reader) = wit_stream::new();
        let (summary, later) = wit_future::new(|| unreachable!());
        spawn_local(async move {
            let all = split(text, words).await;
            let _ = summary.write(all).await;
        });
        (reader, later)
    }

    async fn within(milliseconds: u32, answer: FutureReader<String>) -> Outcome {
        let late = wasi::clocks::monotonic_clock::wait_for(u64::from(milliseconds) * 1_000_000);
        // What has not been ready is dropped, which cancels it.
        match select(pin!(answer.into_future()), pin!(late)).await {
            Either::Left((text, _)) => Outcome::Answered(text),
            Either::Right(_) => Outcome::Late,
        }
    }
}

/// Passes on the words of a text until it ends, or nobody reads them.
async fn split(mut text: StreamReader<u8>, mut words: wit_bindgen::StreamWriter<Word>) -> Summary {
    let mut all = Summary { bytes: 0, stopped: false, words: 0 };
    let mut word = Vec::new();
    loop {
        let (result, chunk) = text.read(Vec::with_capacity(4096)).await;
        all.bytes += chunk.len() as u64;
        let ended = matches!(result, StreamResult::Dropped);
        for byte in chunk.into_iter().chain(ended.then_some(b' ')) {
            if !byte.is_ascii_whitespace() {
                word.push(byte);
                continue;
            }
            if word.is_empty() {
                continue;
            }
            let text = String::from_utf8_lossy(&core::mem::take(&mut word)).into_owned();
            if words.write_one(Word { place: all.words, text }).await.is_some() {
                return Summary { stopped: true, ..all };
            }
            all.words += 1;
        }
        if ended {
            return all;
        }
    }
}
