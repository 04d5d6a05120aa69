//! A proxy of Redis. It can swallow what its connections carry, while they stand, and move to
//! another server.

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::support::folder::socket_path;
use crate::support::redis::Redis;

/// It ends with its process.
pub struct Proxy {
    path: PathBuf,
    /// How often connections were swallowed: those before each time are.
    swallowed: Arc<AtomicUsize>,
    /// Where connections go.
    target: Arc<Mutex<PathBuf>>,
    /// The ends of its connections at the hosts.
    streams: Arc<Mutex<Vec<UnixStream>>>,
}

impl Proxy {
    pub fn start(redis: &Redis) -> Self {
        let path = socket_path("proxy");
        let listener = UnixListener::bind(&path).expect("it is free");
        let (target, swallowed) = (Arc::new(Mutex::new(redis.socket())), Arc::default());
        let (to, counter) = (target.clone(), Arc::<AtomicUsize>::clone(&swallowed));
        let streams = Arc::new(Mutex::new(Vec::new()));
        let all = streams.clone();
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let to = to.lock().expect("no thread panics").clone();
                let Ok(far) = UnixStream::connect(to) else { continue };
                let begun = counter.load(Ordering::SeqCst);
                let clone = |stream: &UnixStream| stream.try_clone().expect("it is open");
                all.lock().expect("no thread panics").push(clone(&near));
                for (from, to) in [(clone(&near), clone(&far)), (far, near)] {
                    let counter = counter.clone();
                    thread::spawn(move || pump(from, to, begun, &counter));
                }
            }
        });
        Self { path, swallowed, target, streams }
    }

    /// New connections go to another server, as when an address moves.
    pub fn point_at(&self, redis: &Redis) {
        *self.target.lock().expect("no thread panics") = redis.socket();
    }

    /// The same, and those that there are end.
    pub fn move_to(&self, redis: &Redis) {
        self.point_at(redis);
        for stream in self.streams.lock().expect("no thread panics").drain(..) {
            // It may have ended.
            let _ = stream.shutdown(Shutdown::Both);
        }
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
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
