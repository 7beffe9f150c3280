//! Gives back what it takes, as a new value.

wit_bindgen::generate!({
    inline: "
        package example:echo@0.1.0;
        world rust-echo {
            export echo-string: func(v: string) -> string;
            export echo-bytes: func(v: list<u8>) -> list<u8>;
        }
    ",
});

struct Component;

impl Guest for Component {
    fn echo_string(v: String) -> String {
        v.clone()
    }
    fn echo_bytes(v: Vec<u8>) -> Vec<u8> {
        v.clone()
    }
}

export!(Component);
