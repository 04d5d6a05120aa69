//! What came about in a world, as counts.

/// What came about in a world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages that were judged, either way.
    pub messages: u64,
    pub sockets: u64,
    pub turns: u64,
    /// Services that ended.
    pub ends: u64,
    /// Sockets that were closed with 1013.
    pub overflows: u64,
    /// Reads that were held back while listeners of the socket were full.
    pub waits: u64,
    /// Sockets that were closed because senders waited for them.
    pub laggards: u64,
    /// Reads that were held back.
    pub holds: u64,
    /// Connections that came too often: those with an answer, and the others.
    pub hasty: u64,
    pub drops: u64,
    /// Connections that were lost.
    pub losses: u64,
    /// Services that were started again.
    pub restarts: u64,
    /// Programs that were looked for.
    pub lookups: u64,
    /// Sockets that were paused by their services.
    pub pauses: u64,
    /// Programs whose sockets were kept when they ended, and sockets that were asked about again.
    pub resets: u64,
    pub questions: u64,
    /// Sockets that compress, and messages that came and went compressed.
    pub agreements: u64,
    pub inflated: u64,
    pub deflated: u64,
    /// Sockets that were closed since what came could not be inflated.
    pub broken: u64,
    /// Handshakes of records that were over, and reads that had to wait for the next turn.
    pub handshakes: u64,
    pub delays: u64,
    /// Records that the system has not taken as a whole, and reads that had to wait for that.
    pub cuts: u64,
    pub answers: u64,
    /// What other threads than those of services have sent, and how often their queue was full.
    pub sent: u64,
    pub fulls: u64,
    /// Messages of a worker that reached sockets of other workers.
    pub crossings: u64,
    /// Jobs of sockets that were answered later, those whose sockets had gone, and those whose runs
    /// were over.
    pub jobs: u64,
    pub late_jobs: u64,
    pub lost_jobs: u64,
    /// Messages of other hosts, and the sockets that got them.
    pub far: u64,
    pub far_deliveries: u64,
    /// Gaps that hosts and their services got, and links between hosts that were cut.
    pub gaps: u64,
    pub told_gaps: u64,
    pub link_cuts: u64,
    /// All that happened, as one number.
    pub history: u64,
}

impl Tally {
    /// Adds what came about elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.messages += other.messages;
        self.sockets += other.sockets;
        self.turns += other.turns;
        self.ends += other.ends;
        self.overflows += other.overflows;
        self.waits += other.waits;
        self.laggards += other.laggards;
        self.holds += other.holds;
        self.hasty += other.hasty;
        self.drops += other.drops;
        self.losses += other.losses;
        self.restarts += other.restarts;
        self.lookups += other.lookups;
        self.pauses += other.pauses;
        self.resets += other.resets;
        self.questions += other.questions;
        self.agreements += other.agreements;
        self.inflated += other.inflated;
        self.deflated += other.deflated;
        self.broken += other.broken;
        self.handshakes += other.handshakes;
        self.delays += other.delays;
        self.cuts += other.cuts;
        self.answers += other.answers;
        self.sent += other.sent;
        self.fulls += other.fulls;
        self.crossings += other.crossings;
        self.jobs += other.jobs;
        self.late_jobs += other.late_jobs;
        self.lost_jobs += other.lost_jobs;
        self.far += other.far;
        self.far_deliveries += other.far_deliveries;
        self.gaps += other.gaps;
        self.told_gaps += other.told_gaps;
        self.link_cuts += other.link_cuts;
        self.history ^= other.history;
    }
}
