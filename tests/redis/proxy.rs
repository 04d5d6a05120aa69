//! A proxy of Redis that can swallow what its connections carry, while they stand.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::support::folder::socket_path;
use crate::support::redis::Redis;

/// It ends with its process.
pub struct Proxy {
    path: PathBuf,
    /// How often connections were swallowed: those before each time are.
    swallowed: Arc<AtomicUsize>,
}

impl Proxy {
    pub fn start(redis: &Redis) -> Self {
        let path = socket_path("proxy");
        let listener = UnixListener::bind(&path).expect("it is free");
        let (to, swallowed) = (redis.socket(), Arc::new(AtomicUsize::new(0)));
        let counter = swallowed.clone();
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = UnixStream::connect(&to) else { continue };
                let begun = counter.load(Ordering::SeqCst);
                let clone = |stream: &UnixStream| stream.try_clone().expect("it is open");
                for (from, to) in [(clone(&near), clone(&far)), (far, near)] {
                    let counter = counter.clone();
                    thread::spawn(move || pump(from, to, begun, &counter));
                }
            }
        });
        Self { path, swallowed }
    }

    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.path.display())
    }

    /// From now on, nothing comes over the connections that there are. New ones are passed on.
    pub fn swallow(&self) {
        self.swallowed.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn pump(mut from: UnixStream, mut to: UnixStream, begun: usize, swallowed: &AtomicUsize) {
    let mut bytes = [0; 4_096];
    loop {
        let len = match from.read(&mut bytes) {
            Ok(0) | Err(_) => break,
            Ok(len) => len,
        };
        if swallowed.load(Ordering::SeqCst) == begun && to.write_all(&bytes[..len]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
    let _ = from.shutdown(std::net::Shutdown::Both);
}
