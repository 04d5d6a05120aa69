//! Sends every message back. A program of the document root, with the standard library alone:
//!
//! ```sh
//! rustc -O --edition 2024 echo.rs
//! ```
//!
//! A program of your own keeps `receive` and `send`, and the moment at which it flushes.

use std::io::{self, BufRead, BufReader, BufWriter, Write};

fn main() -> io::Result<()> {
    let mut input = BufReader::with_capacity(PIPE_BYTES, io::stdin());
    let mut output = BufWriter::with_capacity(PIPE_BYTES, io::stdout());
    let (mut header, mut body) = (String::new(), Vec::new());
    writeln!(output, "READY 1")?;
    loop {
        // All that one read brought is answered by one write, which may wait: the host reads on,
        // even while what it writes itself is not read.
        if input.buffer().is_empty() {
            output.flush()?;
        }
        if !receive(&mut input, &mut header, &mut body)? {
            return output.flush();
        }
        let mut words = header.split_whitespace();
        if let (Some(verb @ ("TEXT" | "BIN")), Some(id)) = (words.next(), words.next()) {
            send(&mut output, verb, id, &body)?;
        }
    }
}

/// Reads a line, and its body if it has one. Returns false at the end of the input.
fn receive(input: &mut impl BufRead, header: &mut String, body: &mut Vec<u8>) -> io::Result<bool> {
    header.clear();
    if input.read_line(header)? == 0 {
        return Ok(false);
    }
    let last = header.split_whitespace().next_back();
    if let Some(length) = last.and_then(|word| word.strip_prefix('+')) {
        let length: usize = length.parse().map_err(io::Error::other)?;
        // The newline behind it is not counted. What is there of the last body is written over.
        body.resize(length + 1, 0);
        input.read_exact(body)?;
        body.pop();
    } else {
        body.clear();
    }
    Ok(true)
}

/// Says a line with a body: `to` is an id, a list of ids, `*` for all, or `@` and a topic.
fn send(output: &mut impl Write, verb: &str, to: &str, body: &[u8]) -> io::Result<()> {
    writeln!(output, "{verb} {to} +{}", body.len())?;
    output.write_all(body)?;
    output.write_all(b"\n")
}

/// As much as a pipe holds.
const PIPE_BYTES: usize = 1 << 16;
