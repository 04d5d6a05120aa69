//! Payloads of JSON such as services send them: the same keys in each, and values that differ.

use std::fmt::Write;

use super::messages::Random;

/// An object of exactly `len` bytes, which are some hundred at least.
pub fn json(len: usize, random: &mut Random) -> Vec<u8> {
    let mut text =
        format!("{{\"type\":\"orders\",\"number\":{},\"items\":[", number(random, 1 << 20));
    loop {
        let item = item(random);
        if text.len() + item.len() + NOTE.len() + END.len() > len {
            break;
        }
        text += &item;
        text.push(',');
    }
    text.truncate(text.trim_end_matches(',').len());
    text += NOTE;
    let rest = len - text.len() - END.len();
    let mut note = String::new();
    while note.len() < rest {
        write!(note, "{} ", pick(random, &WORDS)).expect("a string takes it");
    }
    text += &note[..rest];
    text += END;
    text.into_bytes()
}

fn item(random: &mut Random) -> String {
    let [high, low] = [number(random, 1 << 16), number(random, 1 << 16)];
    let [euros, cents, count] = [number(random, 500), number(random, 100), number(random, 20)];
    let [hour, minute, second] = [number(random, 24), number(random, 60), number(random, 60)];
    format!(
        "{{\"id\":\"{high:04x}{low:04x}\",\"customer\":\"{}\",\"article\":\"{}\",\"count\":{count},\
         \"price\":{euros}.{cents:02},\"paid\":{},\
         \"at\":\"2026-11-29T{hour:02}:{minute:02}:{second:02}Z\"}}",
        pick(random, &NAMES),
        pick(random, &WORDS),
        pick(random, &["true", "false"]),
    )
}

fn pick<'a>(random: &mut Random, words: &[&'a str]) -> &'a str {
    words[number(random, words.len())]
}

fn number(random: &mut Random, below: usize) -> usize {
    usize::from_le_bytes(random.next().to_le_bytes()) % below
}

const NOTE: &str = "],\"note\":\"";
const END: &str = "\"}";

const NAMES: [&str; 12] = [
    "Ada",
    "Barbara",
    "Claude",
    "Donald",
    "Edsger",
    "Frances",
    "Grace",
    "Hedy",
    "Ivan",
    "Jean",
    "Katherine",
    "Leslie",
];

const WORDS: [&str; 12] = [
    "anvil", "basket", "candle", "drawer", "engine", "feather", "garden", "hammer", "island",
    "jacket", "kettle", "ladder",
];
