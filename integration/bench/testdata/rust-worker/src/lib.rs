//! Greets, and sleeps, as the worker of C in integration/testdata/components does. Built with rustc 1.96.0, wasm-tools 1.263.0 and the
//! adapter of the crate wasi-preview1-component-adapter-provider 50.0.1:
//!
//!     cargo build --release --locked --target wasm32-wasip1
//!     wasm-tools component new target/wasm32-wasip1/release/rust_worker.wasm \
//!         --adapt wasi_snapshot_preview1=wasi_snapshot_preview1.reactor.wasm -o ../rust-worker.wasm

wit_bindgen::generate!({
    path: "../../../testdata/components/tasks/world.wit",
    world: "worker",
    generate_all,
});

use exports::example::tasks::tasks::Guest;
use wasi::clocks::monotonic_clock;

struct Component;

impl Guest for Component {
    async fn greet(name: String) -> String {
        format!("hello, {name}")
    }
    async fn sleep(ms: u32) -> u32 {
        monotonic_clock::wait_for(u64::from(ms) * 1_000_000).await;
        ms
    }
}

export!(Component);
