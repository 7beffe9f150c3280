//! Ends as its argument says: by a panic, out of memory, or by a recursion without end. Built with
//!
//!   rustc --target wasm32-wasip1 -C opt-level=s -C panic=abort -C strip=debuginfo -C symbol-mangling-version=v0 crash.rs
mod shop {
    pub struct Cart<T>(pub Vec<T>);

    impl<T> Cart<T> {
        #[inline(never)]
        pub fn share(&self, people: usize) -> usize {
            self.0.len() / people.checked_sub(1).expect("nobody is there")
        }
    }
}

#[inline(never)]
fn descend(depth: u64) -> u64 {
    let here = std::hint::black_box([depth; 64]);
    if depth == 0 { 0 } else { descend(depth - 1) + here[3] }
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("hoard") => {
            let mut kept = Vec::new();
            loop {
                kept.push(vec![1u8; 1 << 20]);
            }
        }
        Some("descend") => println!("{}", descend(100_000_000)),
        Some("spin") => loop {
            std::hint::black_box(0);
        },
        _ => println!("{}", shop::Cart(vec![1, 2]).share(std::hint::black_box(0))),
    }
}
