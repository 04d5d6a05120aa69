//! Draws what the other benchmarks have kept, into `docs/plots`. As a test it only looks whether
//! the plots there are those of the results there.

mod data;
mod figure;

use std::error::Error;
use std::{env, fs};

use data::{Per, Point, Results};
use figure::{Figure, Panel};

fn main() -> Result<(), Box<dyn Error>> {
    let draws = env::args().any(|argument| argument == "--bench");
    let results = Results::read("growth");
    let caption = format!(
        "Processor time of one thread, without system calls; medians of 11 rounds, bars from \
         least to most. {}",
        results.machine
    );
    for (name, figure) in
        [("sockets", sockets(&results, &caption)), ("growth", growth(&results, &caption))]
    {
        let path = format!("{}/docs/plots/{name}.svg", env!("CARGO_MANIFEST_DIR"));
        let svg = figure.draw()?;
        if draws {
            fs::write(&path, svg).map_err(|error| format!("{path}: {error}"))?;
            println!("drawn: docs/plots/{name}.svg");
        } else if fs::read_to_string(&path).ok() != Some(svg) {
            return Err(format!("docs/plots/{name}.svg is old: cargo bench --bench plot").into());
        }
    }
    Ok(())
}

/// A thousand sockets to a million.
fn sockets<'a>(results: &Results, caption: &'a str) -> Figure<'a> {
    let curve = |group: &str, case: &'a str| (case, results.curve(group, case, Per::Event));
    let (order, random) = ("sockets in order", "sockets in random order");
    let panel = |title, y, curves| Panel { title, x: "open sockets", y, curves };
    Figure {
        title: "A thousand sockets to a million: what one event costs, and one socket",
        caption,
        panels: vec![
            panel(
                "Events that come in the order of the table",
                "nanoseconds per event",
                vec![
                    curve(order, "leave and accept"),
                    curve(order, "echo"),
                    curve(order, "ping that is due"),
                    curve(order, "delivery to all"),
                    curve(order, "turn without events"),
                ],
            ),
            panel(
                "The same in random order: caches miss",
                "nanoseconds per event",
                vec![
                    curve(random, "leave and accept"),
                    curve(random, "echo"),
                    curve(random, "ping that is due"),
                    ("one read from a table as large", misses(results)),
                ],
            ),
            panel(
                "Memory of an idle socket, after one echo",
                "bytes per socket",
                vec![
                    curve("memory of a socket", "an address each"),
                    curve("memory of a socket", "one address"),
                ],
            ),
            panel(
                "All come at once, before their service has started",
                "nanoseconds per socket",
                vec![curve("coming at once", "before the service starts")],
            ),
        ],
    }
}

fn misses(results: &Results) -> Vec<Point> {
    results.curve("sockets in random order", "one read from a table as large", Per::Event)
}

/// Messages, fragments, services, topics, subscriptions.
fn growth<'a>(results: &Results, caption: &'a str) -> Figure<'a> {
    let panel = |title, x, y, group: &str, per, cases: &[&'a str]| Panel {
        title,
        x,
        y,
        curves: cases.iter().map(|case| (*case, results.curve(group, case, per))).collect(),
    };
    let kinds = ["three-byte text", "ASCII text", "binary"];
    let visits = ["subscribe", "unsubscribe"];
    Figure {
        title: "What grows: a level line is a cost that does not",
        caption,
        panels: vec![
            panel(
                "Echo of one message",
                "bytes of the message",
                "nanoseconds per message",
                "message size",
                Per::Event,
                &kinds,
            ),
            panel(
                "The same, per byte",
                "bytes of the message",
                "nanoseconds per byte",
                "message size",
                Per::X,
                &kinds,
            ),
            panel(
                "Echo of one message in fragments",
                "fragments of the message",
                "nanoseconds per fragment",
                "fragments",
                Per::Event,
                &["1 byte each of three-byte text", "1 byte each of ASCII text", "16 bytes each"],
            ),
            panel(
                "Services, taken in random order",
                "services mounted",
                "nanoseconds per event",
                "services",
                Per::Event,
                &["accept and leave", "echo", "mount"],
            ),
            panel(
                "Topics of one service, taken in random order",
                "topics",
                "nanoseconds per event",
                "topics",
                Per::Event,
                &["leave with a subscription", visits[0], visits[1], "delivery to one of ten"],
            ),
            panel(
                "Subscriptions of one socket",
                "topics that the socket has subscribed to",
                "nanoseconds per subscription",
                "subscriptions of a socket",
                Per::Event,
                &visits,
            ),
        ],
    }
}
