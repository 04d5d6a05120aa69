//! A server that has stopped leaves nothing behind: neither threads nor descriptors. Alone in
//! its file, since it counts those of its process.

#![cfg(feature = "host")]

mod support;

use switchboard::host::raise_descriptor_limit;
use switchboard::{Limits, Server};

use support::http::{get, upgrade};
use support::process::{descriptors, threads};
use support::raw::{PING, TEXT, close, frame};
use support::services::{Seen, mount_echo, mount_probe};
use support::{LIMITS, Raw, Running, next, until};

#[test]
fn threads_and_descriptors_are_back_after_a_stop() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("leaks");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    std::fs::write(folder.join("big.bin"), vec![b'x'; 20 << 20]).expect("a file can be written");
    let sockets_len = 1_000.min((raise_descriptor_limit() - 100) / 2);
    let before = (threads("self"), descriptors("self"));
    for round in 0..2 {
        let limits = Limits { drain_ms_max: 1_000, outbox_bytes_max: 50 << 20, ..LIMITS };
        let mut server = Server::new(limits);
        server.static_root(&folder);
        let told = mount_probe(&mut server, "/probe", |_, _| {});
        for number in 0..5 {
            mount_echo(&mut server, &format!("/{number}"));
        }
        let server = Running::start(server);
        let mut sockets: Vec<Raw> = (0..sockets_len).map(|kind| visit(&server, kind)).collect();
        // Files that were asked for are open, services run.
        assert!(threads("self") >= before.0 + 6);
        until("all are there", || descriptors("self") >= before.1 + 2 * sockets_len);
        server.stopper().stop();
        if round == 1 {
            server.stopper().stop_now();
        }
        for raw in sockets.iter_mut().skip(1).step_by(2) {
            raw.try_send(&close(1001, ""));
        }
        server.join();
        while next(&told) != Seen::Stop {}
        drop(sockets);
        until("threads are back", || threads("self") == before.0);
        until("descriptors are back", || descriptors("self") == before.1);
    }
}

/// A peer of one kind or another, which stays.
fn visit(server: &Running, kind: usize) -> Raw {
    let mut raw = server.raw();
    match kind % 10 {
        0 => raw.send(&upgrade("/0", "")[..50]),
        2 => {
            raw.send(&get("/big.bin", ""));
            raw.read_head();
        }
        // Echoes that are never read: more than the system holds.
        4 if kind < 30 => {
            raw.upgrade("/0");
            raw.send(&frame(TEXT, &[b'x'; 100_000]).repeat(80));
        }
        6 => {
            raw.upgrade("/1");
            raw.send(&frame(TEXT, b"whole")[..6]);
        }
        8 => {}
        _ => {
            raw.upgrade("/probe");
            raw.send(&[frame(TEXT, b"hello"), frame(PING, b"")].concat());
            if kind < 10 {
                (2..5).for_each(|service| drop(server.open(&format!("/{service}"))));
            }
        }
    }
    raw
}
