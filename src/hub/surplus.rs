//! Connections beyond the limits: which they are, and what the log says of them.

use std::fmt;
use std::net::SocketAddr;

use crate::hub::Hub;
use crate::hub::address_key::AddressKey;
use crate::hub::addresses::RateVerdict;
use crate::hub::counters::RefusalKind;
use crate::hub::shares::{HAS_A_QUARTER, is_for_others};
use crate::hub::socket_flags::SocketFlag;
use crate::limits::Limits;
use crate::service::SocketId;
use crate::time::Time;

/// Why a connection is beyond the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Surplus {
    /// Its address connects too often. So many were refused that this one gets no answer.
    Flood,
    /// Its address connects too often.
    Hasty,
    /// Its address has too many sockets.
    Greedy,
    /// Its address has a quarter of the sockets, and the last quarter is left.
    Share,
    /// There are too many sockets.
    Full,
}

impl Surplus {
    /// How it is counted.
    pub(super) const fn kind(self) -> RefusalKind {
        match self {
            Self::Flood | Self::Hasty => RefusalKind::Rate,
            Self::Greedy => RefusalKind::PerAddress,
            Self::Share | Self::Full => RefusalKind::Full,
        }
    }
}

impl Hub {
    /// Whether there is capacity to refuse a connection with an answer.
    pub(super) fn is_answered(&self, surplus: Surplus) -> bool {
        surplus != Surplus::Flood && self.surplus_len < Limits::REFUSALS_MAX
    }

    /// A socket is kept to be refused.
    pub(super) fn set_surplus(&mut self, id: SocketId, surplus: Surplus, peer: Option<SocketAddr>) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        socket.flags.set(SocketFlag::Surplus);
        if surplus == Surplus::Hasty {
            socket.flags.set(SocketFlag::Hasty);
        }
        self.surplus_len += 1;
        self.record_end(id, &self.reason_of(surplus, peer));
    }

    /// Why a new connection is beyond the limits; `None` if it is not.
    // Not inlined: it is large, and its caller is the turn.
    #[inline(never)]
    pub(super) fn refuse_connection(
        &mut self,
        peer: Option<SocketAddr>,
        now: Time,
    ) -> Option<Surplus> {
        let limits = self.workers.limits_of(None);
        let Limits { sockets_max, sockets_per_ip_max, .. } = *limits;
        let taken = self.sockets.len() - self.surplus_len;
        if let Some(key) = AddressKey::counted(peer).filter(|_| !self.is_trusted(peer)) {
            let rate = limits.connection_rate;
            match rate.map_or(RateVerdict::Allowed, |rate| self.addresses.connect(key, rate, now)) {
                RateVerdict::Allowed => {}
                RateVerdict::Refused => return Some(Surplus::Hasty),
                RateVerdict::Dropped => return Some(Surplus::Flood),
            }
            let held = self.addresses.count(key);
            if held >= sockets_per_ip_max {
                return Some(Surplus::Greedy);
            }
            let has_share = sockets_per_ip_max != Limits::OFF_COUNT && taken < sockets_max;
            if has_share && is_for_others(sockets_max, taken, held) {
                return Some(Surplus::Share);
            }
        }
        (taken >= sockets_max).then_some(Surplus::Full)
    }

    /// Why a connection is beyond the limits, in words for the log. They name the key and the cure.
    #[inline(never)]
    pub(super) fn reason_of(&self, surplus: Surplus, peer: Option<SocketAddr>) -> String {
        let limits = self.workers.limits_of(None);
        let (key, max, has): (_, &dyn fmt::Display, _) = match (surplus, &limits.connection_rate) {
            (Surplus::Flood | Surplus::Hasty, Some(rate)) => ("new", rate, "connects more often"),
            (Surplus::Full | Surplus::Share, _) => {
                let why = if surplus == Surplus::Share {
                    HAS_A_QUARTER
                } else {
                    "there are as many: raise it together with the limit of descriptors (ulimit -n)"
                };
                return format!("max-connections is {}, and {why}", limits.sockets_max);
            }
            (_, _) => ("max", &limits.sockets_per_ip_max, "has as many connections"),
        };
        let peer = AddressKey::of(peer);
        let advice = match cfg!(feature = "proxy") && self.proxies.trusted.is_none() {
            true => ", or name the proxy in front (trusted-proxy)",
            false => "",
        };
        format!("{key}-per-ip is {max}, and {peer} {has}: raise it{advice}")
    }
}
