//! Tests of the hub.
#[test]
fn sizes() {
    use std::mem::size_of;
    eprintln!(
        "session {} socket {} phase {} outbox {} clock {} reader {}",
        size_of::<crate::session::Session>(),
        size_of::<crate::hub::socket::Socket>(),
        size_of::<crate::session::phase::Phase>(),
        size_of::<crate::session::Outbox>(),
        size_of::<crate::session::clock::Clock>(),
        size_of::<crate::session::reader::Reader>()
    );
}
