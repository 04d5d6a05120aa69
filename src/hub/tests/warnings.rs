//! What goes beyond the limits of a service, and the warnings of it.

use super::*;

#[test]
fn warnings_that_peers_cause_are_counted_beyond_ten_in_a_second() {
    let mut rig = Rig::new(Limits { topics_per_socket_max: 0, ..Limits::SERVER });
    let ids: Vec<_> = (0..11).map(|_| rig.open("/a")).collect();
    let warn = |rig: &mut Rig, ids: &[SocketId], of: fn(SocketId) -> Outbound| {
        rig.apply(0, ids.iter().map(|id| of(*id)).collect());
    };
    let label = |id| Outbound::Label { id, key: "peer".to_owned(), value: "x".to_owned() };
    let subscribe = |id| Outbound::Subscribe { id, topic: "t".into() };
    for (kind, of) in [label as fn(SocketId) -> Outbound, subscribe].into_iter().enumerate() {
        // One for each socket, however often.
        for _ in 0..20 {
            warn(&mut rig, &ids[..10], of);
        }
        assert_eq!(rig.hub().warnings.deadline(), None, "kind {kind}");
        warn(&mut rig, &ids, of);
        assert_eq!(rig.hub().warnings.deadline(), Some(rig.now.after(1_000)), "kind {kind}");
        rig.wait(1_000);
        assert_eq!(rig.hub().warnings.deadline(), None, "kind {kind}");
    }
}

#[test]
fn topics_beyond_the_limit_close_their_socket() {
    let mut rig = Rig::new(Limits { topics_per_socket_max: 1, ..Limits::SERVER });
    let id = rig.open("/a");
    let subscribe = |topic: &str| Outbound::Subscribe { id, topic: topic.into() };
    rig.apply(0, vec![subscribe("t"), subscribe("t")]);
    assert!(rig.got(id).is_empty());
    rig.apply(0, vec![subscribe("u")]);
    assert_eq!(rig.got(id)[2..4], 1013_u16.to_be_bytes());
}
