//! Where peers come from, which of them count as one, and how often these may connect.

use std::net::{IpAddr, SocketAddr};

use switchboard::limits;
use switchboard::time::Time;

/// Addresses of peers. Two of them are of one network.
pub const ADDRESSES: [&str; 6] =
    ["127.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.3", "2001:db8::1", "2001:db8::8000:0:0:2"];

/// Whether two peers count as one: they have the same address, or the same network of IPv6.
pub fn are_one(one: SocketAddr, two: SocketAddr) -> bool {
    match (one.ip(), two.ip()) {
        (IpAddr::V6(one), IpAddr::V6(two)) => one.segments()[..4] == two.segments()[..4],
        (one, two) => one == two,
    }
}

/// What happens to a connection by the rate of its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    Allowed,
    Told,
    Dropped,
}

/// The connections of addresses, with their times.
#[derive(Debug, Default)]
pub struct Arrivals {
    sources: Vec<Source>,
}

/// Addresses that count as one.
#[derive(Debug)]
struct Source {
    address: SocketAddr,
    /// When connections were allowed.
    allowed: Vec<Time>,
    /// How many were refused with an answer, since the rate was unused.
    told: u32,
}

impl Arrivals {
    /// A connection comes. The rate allows it if it allows all that came within any time.
    pub fn connect(&mut self, address: SocketAddr, rate: limits::Rate, now: Time) -> Rate {
        let at = self.sources.iter().position(|source| are_one(source.address, address));
        let at = at.unwrap_or_else(|| {
            self.sources.push(Source { address, allowed: Vec::new(), told: 0 });
            self.sources.len() - 1
        });
        let source = &mut self.sources[at];
        // How much of the burst is used, in thousandths of a connection.
        let since = (1..).zip(source.allowed.iter().rev());
        let used = since.map(|(len, then)| {
            (len * CONNECTION).saturating_sub(now.since(*then) * u64::from(rate.per_s))
        });
        let used = used.max().unwrap_or(0);
        if used == 0 {
            source.told = 0;
        }
        if used + CONNECTION <= u64::from(rate.burst) * CONNECTION {
            source.allowed.push(now);
            return Rate::Allowed;
        }
        source.told += 1;
        if source.told <= TOLD_MAX { Rate::Told } else { Rate::Dropped }
    }
}

const CONNECTION: u64 = 1_000;
const TOLD_MAX: u32 = 16;
