//! `ChildReport`: what a child reports, by the protocol of sd_notify(3).

/// What one datagram says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ChildReport {
    /// The child serves, or has reloaded.
    pub(super) is_ready: bool,
    /// It stops, and asks for more time.
    pub(super) needs_time: bool,
    /// How many sockets it has.
    pub(super) sockets: Option<u64>,
}

impl ChildReport {
    pub(super) fn read(text: &str) -> Self {
        let mut report = Self::default();
        for line in text.lines() {
            match line.split_once('=') {
                Some(("READY", "1")) => report.is_ready = true,
                Some(("EXTEND_TIMEOUT_USEC", _)) => report.needs_time = true,
                Some(("STATUS", status)) => report.sockets = sockets(status),
                _ => {}
            }
        }
        report
    }
}

/// `12 sockets, 3 services`, which may have a word in front.
fn sockets(status: &str) -> Option<u64> {
    status.split_once(" sockets")?.0.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read() {
        let none = ChildReport::default();
        let rows = [
            ("", none),
            ("RELOADING=1\nMONOTONIC_USEC=7", none),
            ("WATCHDOG=1\n", none),
            ("READY=1", ChildReport { is_ready: true, ..none }),
            (
                "READY=1\nSTATUS=12 sockets, 3 services\n",
                ChildReport { is_ready: true, sockets: Some(12), ..none },
            ),
            (
                "STOPPING=1\nSTATUS=stopping: 1 sockets, 0 services\nEXTEND_TIMEOUT_USEC=1\n",
                ChildReport { sockets: Some(1), needs_time: true, ..none },
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(ChildReport::read(text), expected, "{text}");
        }
    }
}
