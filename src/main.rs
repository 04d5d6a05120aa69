//! The binary: the services of the folder `services/` behind one port.
use switchboard::server::Mounted;
use switchboard::{Limits, Server};
/// A service that was compiled in.
pub struct Compiled {
    path: &'static str,
    about: &'static str,
    page: Option<&'static [u8]>,
    mount: for<'a> fn(&'a mut Server, &str) -> Mounted<'a>,
}
include!(concat!(env!("OUT_DIR"), "/services.rs"));
fn main() {
    let mut server = Server::new(Limits {
        message_bytes_max: 32 << 20,
        outbox_bytes_max: 64 << 20,
        mail_bytes_max: 64 << 20,
        ..Limits::SERVER
    });
    for s in ALL {
        (s.mount)(&mut server, s.path);
        println!("{} {}", s.path, s.about);
        let _ = s.page;
    }
    let mut host = server.bind("127.0.0.1:12345").unwrap();
    println!("listening on http://{}", host.address());
    host.stop_on_signals().unwrap();
    host.run().unwrap();
}
