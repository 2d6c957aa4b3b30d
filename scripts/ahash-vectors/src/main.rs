//! Prints hash vectors of ahash's portable algorithm as JSON:
//! `cargo run --locked > ../../runtime/src/core/partition/hash/vectors/ahash.json` in this folder.
//!
//! Each vector is `[type, value, hash]`. Values are decimal text for integers, the bits in hexadecimal for floats,
//! hexadecimal bytes for strings (their UTF-8) and binary, `true` or `false` for booleans.

#[cfg(target_feature = "aes")]
compile_error!("built with AES, whose hashes differ: see .cargo/config.toml");

use ahash::RandomState;
use std::fmt::Display;
use std::hash::Hash;

struct Printer {
    state: RandomState,
    first: bool,
}

impl Printer {
    fn row<T: Hash + ?Sized>(&mut self, kind: &str, text: impl Display, value: &T) {
        let hash = self.state.hash_one(value);
        let comma = if self.first { "" } else { "," };
        self.first = false;
        print!("{comma}\n[\"{kind}\",\"{text}\",\"{hash}\"]");
    }
}

macro_rules! integers {
    ($p:expr, $($t:ident)*) => { $(
        let mut values: Vec<$t> = vec![<$t>::MIN, <$t>::MIN + 1, <$t>::MAX, <$t>::MAX - 1, <$t>::MAX / 2];
        values.extend((0..=20).map(|v| v as $t));
        values.extend((1..=20).map(|v| (0 as $t).wrapping_sub(v as $t)));
        let mut x: u128 = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835;
        for _ in 0..40 {
            x = x.wrapping_mul(0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645)
                .rotate_left(29) ^ 0x5851_F42D_4C95_7F2D;
            values.push((x >> 17) as $t);
        }
        for v in values { $p.row(stringify!($t), v, &v); }
    )* };
}

fn main() {
    let state = RandomState::with_seeds(0x53, 0x50, 0x49, 0x4345);
    for (text, bucket) in [("a", 2), ("b", 1), ("c", 4)] {
        assert_eq!(
            state.hash_one(text) % 5,
            bucket,
            "not the portable algorithm"
        );
    }
    let mut p = Printer { state, first: true };
    print!("[");
    integers!(p, i8 i16 i32 i64 i128 u8 u16 u32 u64 u128);
    for v in [
        0.0f32,
        -0.0,
        1.0,
        -1.0,
        1.5,
        0.1,
        f32::MIN,
        f32::MAX,
        f32::EPSILON,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
        1e-45,
    ] {
        p.row("f32", format!("{:08x}", v.to_bits()), &v.to_bits());
    }
    for v in [
        0.0f64,
        -0.0,
        1.0,
        -1.0,
        1.5,
        0.1,
        f64::MIN,
        f64::MAX,
        f64::EPSILON,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        5e-324,
        123456.789,
    ] {
        p.row("f64", format!("{:016x}", v.to_bits()), &v.to_bits());
    }
    for v in [false, true] {
        p.row("bool", v, &v);
    }
    let source = "Straße nach Łódź – 日本語テキスト, 😀 emoji, naïve café; plain ASCII text that goes on and on, tab\tand\nnewline, 0123456789 end";
    for length in 0..=100usize {
        let ascii: String = (0..length)
            .map(|i| (b' ' + ((i * 7 + length) % 95) as u8) as char)
            .collect();
        p.row("str", hex(ascii.as_bytes()), ascii.as_str());
        let unicode: String = source.chars().cycle().skip(length).take(length).collect();
        p.row("str", hex(unicode.as_bytes()), unicode.as_str());
        let binary: Vec<u8> = (0..length)
            .map(|i| (i * 37 + length * 11 + 129) as u8)
            .collect();
        p.row("bytes", hex(&binary), binary.as_slice());
    }
    for text in [
        "a",
        "b",
        "c",
        "none",
        "a/b",
        "=",
        "%",
        "\0",
        "\u{ff}",
        "\u{10ffff}",
    ] {
        p.row("str", hex(text.as_bytes()), text);
    }
    let long = "0123456789abcdef".repeat(300) + "x";
    p.row("str", hex(long.as_bytes()), long.as_str());
    p.row("bytes", hex(long.as_bytes()), long.as_bytes());
    println!("\n]");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
