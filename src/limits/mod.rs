//! `Limits`: every bound of the server with its unit, its default and its cost in memory. `memory`
//! adds the costs up, `rate` is a bound of two numbers, `error` says which contradict each other,
//! `fields.md` documents zero and keys. Here are numbers only: the module that owns a queue, a
//! buffer or a turn applies them.

mod error;
mod memory;
mod rate;

pub use error::LimitsError;
pub use rate::{Rate, RatePolicy};

/// Every bound of peers and services. Sizes are in bytes, times in milliseconds. Minor versions add
/// fields, so use struct update syntax. [`Limits::SERVER`] has the default of each field, and
/// [`Limits::check`] says whether the numbers fit each other:
/// ```
/// use switchboard::limits::Limits;
/// let limits = Limits { message_bytes_max: 64 * 1024, ..Limits::SERVER };
/// assert!(limits.check().is_ok());
/// ```
///
#[doc = include_str!("fields.md")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest message from a peer, over all its fragments. Over it: close 1009. The buffer of an
    /// unfinished message grows as its bytes arrive, to at most twice their number, unless a kept
    /// buffer (`spare_bytes_max`) is large enough for all of it.
    pub message_bytes_max: usize,
    /// Most continuation frames that one message may have. Over it: close 1008. Costs no
    /// memory.
    pub fragments_max: u32,
    /// Longest request head. Over it: 431.
    pub head_bytes_max: usize,
    /// Most header fields in a request head. Over it: 431.
    pub headers_max: usize,
    /// Longest request line. Over it: 414.
    pub request_line_bytes_max: usize,

    /// Longest time from the accepted connection to the end of its request head, in total
    /// and not per read. Over it: 408.
    pub handshake_ms_max: u64,
    /// Longest time that a service may take to start (over it: 500) and to admit a socket
    /// (over it: 503).
    pub admission_ms_max: u64,
    /// A ping is sent after this time without a byte from the peer.
    pub ping_interval_ms: u64,
    /// Longest time from that ping to the peer's next byte. Over it the socket is dropped.
    pub pong_ms_max: u64,
    /// Longest time without a message in either direction. Over it: close 1001.
    pub idle_ms_max: u64,
    /// Longest time in which the peer takes none of the bytes waiting for it. Over it the socket is
    /// dropped. The system is asked for unacknowledged bytes only when the time is over, so that
    /// the actual time may be twice as long. Of an answer, such as a file, and of bytes that the
    /// system holds after the last write, the peer has to take [`Limits::ANSWER_BYTES_PER_S_MIN`].
    /// It is dropped if it is this time behind that rate. Bytes that it takes sooner count for up
    /// to three such times ahead.
    pub write_ms_max: u64,
    /// Longest time for the peer to end a conversation that has been closed or refused. It begins
    /// again as long as the system holds bytes that the peer goes on taking.
    pub close_ms_max: u64,

    /// An outbox above this many bytes is full: its service is notified (`Inbound::Full`).
    pub outbox_high_bytes: usize,
    /// A full outbox that falls to this many bytes has drained: its service is notified.
    pub outbox_low_bytes: usize,
    /// Most bytes waiting for one peer. Over it: close 1013. Bytes shared by several
    /// outboxes count in each.
    pub outbox_bytes_max: usize,

    /// Most messages of one socket in a time. It costs about 400 bytes for each socket that has
    /// sent a message, which the formula includes. `None`: no limit, no cost.
    pub message_rate: Option<Rate>,
    /// What happens to a socket that sends more.
    pub rate_policy: RatePolicy,
    /// Most transactions waiting for one service; then its sockets are not read. What waits for the
    /// answer of a database counts in its bytes alone.
    pub mail_messages_max: usize,
    /// Most bytes waiting for one service, each transaction with [`Limits::MAIL_ITEM_BYTES`]
    /// on top; then its sockets are not read.
    pub mail_bytes_max: usize,
    /// A batch of transactions from a service is sent once it has this many bytes, including the
    /// message that fills it, however long that is.
    pub batch_bytes_max: usize,
    /// Most batches of one service on their way to the loop; then the service waits. Its senders
    /// have as many bytes in all: [`Limits::sender_bytes_max`].
    pub batches_max: usize,
    /// Longest time that one service on the loop may take in one turn; the rest of its mail waits
    /// for the next. A single callback that takes longer blocks all sockets meanwhile. The log
    /// warns if it exceeds the limit by 10 ms (the time is measured in ticks of the system). Costs
    /// no memory: messages go to the outboxes at once.
    pub callback_ms_max: u64,

    /// Most bytes of memory that outboxes, mail, unfinished messages and unread bytes may hold
    /// together. Over it, the address that holds most loses its largest socket, with 1013. If none
    /// holds more than a quarter of it, upgrades get a 503. One turn of the loop may exceed it by
    /// what the turn reads and sends. A frame that several outboxes share counts once. Not
    /// included: the batches of services, which have their own bounds, and what services keep.
    /// The formula of [`Limits::memory_bytes_max`] does not use it.
    pub held_bytes_max: usize,

    /// Most sockets that are served at a time. Over it: 503. An address that has a quarter of them
    /// gets none of the last quarter, unless it is exempt from `sockets_per_ip_max`.
    pub sockets_max: usize,
    /// Most sockets from one address, or from one /64 network of IPv6, loopback, Unix sockets and
    /// trusted proxies excepted. Over it: 503.
    pub sockets_per_ip_max: usize,
    /// Most new connections from one address in a time, likewise. Over it: 429 for 16 of them; the
    /// others are closed at once. An address is kept until its last socket has gone and its rate is
    /// unused. The formula includes [`Limits::IDLE_ADDRESSES_MAX`] of them. `None`: no limit, for
    /// clients behind one NAT. `sockets_per_ip_max` does not switch it off.
    pub connection_rate: Option<Rate>,
    /// Most TLS handshakes at a time. Beyond it, connections wait in the system until one is over.
    /// An address with a quarter of them gets none of the last quarter, unless it is exempt from
    /// `sockets_per_ip_max`: its connections are closed. A handshake has `handshake_ms_max`,
    /// together with the header of the PROXY protocol and the request head.
    pub handshakes_max: usize,
    /// Most topics of one service. Over it the subscribing socket is closed with 1013. An address
    /// whose sockets have made a quarter of them makes none of the last quarter, unless it is
    /// exempt from `sockets_per_ip_max`.
    pub topics_max: usize,
    /// Most topics that one socket subscribes to. Over it: close 1013.
    pub topics_per_socket_max: usize,

    /// Most files that are being sent at a time, each with a descriptor. Over it: 503. A file no
    /// longer than `outbox_high_bytes` does not count.
    pub files_open_max: usize,
    /// The size of the loop's read buffer. It is the longest read, except for large messages. If
    /// there are services on the loop, a turn ends its reads after twice as many bytes, unless the
    /// last two took 2 ms each.
    pub read_buffer_bytes: usize,
    /// Most memory of used buffers that are kept for later messages and outboxes, with that of
    /// their lists and of empty outboxes.
    pub spare_bytes_max: usize,
    /// Most reads from one socket in one turn of the loop; the rest waits for the next turn. More
    /// than one saves a call per read, but lets a flooding peer delay the others for longer.
    pub turn_reads_max: usize,
    /// Most bytes written to one socket in one turn of the loop.
    pub turn_write_bytes_max: usize,
    /// Most connections accepted from one listener in one turn of the loop.
    pub turn_accepts_max: usize,
    /// Most batches applied from one service in one turn of the loop.
    pub turn_batches_max: usize,
    /// About how many messages one service may have put into outboxes in one turn of the
    /// loop. A message for more sockets than that is still sent to all of them at once.
    pub turn_deliveries_max: usize,
    /// About how many nanoseconds one turn of the loop may take for all sockets together, of which
    /// reads, deliveries and writes may take a third each; sockets that had none come first in the
    /// next turn. It is counted, not measured: calls, bytes and deliveries have the prices of the
    /// machine of `docs/performance.md`. Callbacks of services on the loop have their own limit,
    /// `callback_ms_max`.
    pub turn_work_max: usize,

    /// Shorter messages are not compressed. This limit and the next one need the feature `deflate`.
    pub deflate_threshold_bytes: usize,
    /// Most memory for the compression contexts of all sockets. A context makes small messages
    /// smaller and takes up to 32 KiB in either direction. A socket that finds no memory left, or
    /// has not asked for a context, has none. An address that has a quarter gets nothing of the
    /// last quarter, unless it is exempt from `sockets_per_ip_max`.
    pub deflate_context_bytes_max: usize,

    /// Longest time of a clean stop; then the remaining sockets are dropped.
    pub drain_ms_max: u64,
    /// The window over which a clean stop spreads the closing of its sockets.
    pub drain_spread_ms: u64,
}

impl Limits {
    /// Most bytes of all labels of a socket, each counted with 64 more.
    pub const LABELS_BYTES_MAX: usize = 512;
    /// Most programs of a document root that run. Each costs as much as a service. Over it:
    /// 503. A program that was found and does not run is replaced by the next one.
    pub const PROGRAMS_MAX: usize = 1_024;
    /// Most programs that are looked for at a time, each with its path. Others wait.
    pub const LOOKUPS_MAX: usize = 16;
    /// How many of them may be of unknown paths. The others are for programs that have been found
    /// before, and for programs that the configuration names.
    pub const LOOKUPS_STRANGE_MAX: usize = 8;
    /// Most requests that wait for a file before it is looked for, because a disk is slow. Over it:
    /// 503.
    pub const FETCHES_WAITING_MAX: usize = 1_024;
    /// The longest page beside a program, in bytes. It also has to fit the outbox of the socket
    /// that asks for it.
    pub const PAGE_BYTES_MAX: usize = 1 << 20;
    /// The lowest rate of an answer to plain HTTP, in bytes a second: whenever the peer takes this
    /// many bytes it gets another second. Messages of sockets have no such rate.
    pub const ANSWER_BYTES_PER_S_MIN: u64 = 1_024;
    /// How many times `write_ms_max` a peer may be ahead with an answer. Systems acknowledge the
    /// reads of a slow program in lumps: up to 128 KiB with the default receive buffer of Linux,
    /// more with a larger one.
    pub const WRITES_AHEAD_MAX: u64 = 3;
    /// For a time limit: never.
    pub const OFF_MS: u64 = u64::MAX;
    /// For a count: no limit of its own.
    pub const OFF_COUNT: usize = usize::MAX;
    /// What each transaction in the mail of a service counts in addition to its bytes.
    pub const MAIL_ITEM_BYTES: usize = 64;
    /// Where a buffer of small messages in an outbox ends, and the next begins.
    pub const OUTBOX_CHUNK_BYTES: usize = 4 * KIB;
    /// How much spare capacity the last buffer of an outbox may have.
    pub const OUTBOX_SPARE_BYTES: usize = 4 * KIB;
    /// Most addresses without a socket whose `connection_rate` is kept. Beyond that, new ones share
    /// one entry.
    pub const IDLE_ADDRESSES_MAX: usize = 65_536;
    /// The maximum memory of a TLS connection, in bytes, beside that of its socket.
    pub const TLS_SOCKET_BYTES_MAX: u64 = 76 << 10;
    /// The maximum memory of a TLS handshake, in bytes, beside that of its connection.
    pub const TLS_HANDSHAKE_BYTES_MAX: u64 = 128 << 10;
    /// Longest name of a topic, in bytes.
    pub const TOPIC_NAME_BYTES_MAX: usize = 256;

    /// The preset for servers. The caller has to fit `sockets_max` to the descriptor limit.
    pub const SERVER: Self = Self {
        message_bytes_max: MIB,
        fragments_max: 65_536,
        head_bytes_max: 16 * KIB,
        headers_max: 100,
        request_line_bytes_max: 8 * KIB,
        handshake_ms_max: 10_000,
        admission_ms_max: 10_000,
        ping_interval_ms: 25_000,
        pong_ms_max: 20_000,
        idle_ms_max: Self::OFF_MS,
        write_ms_max: 30_000,
        close_ms_max: 5_000,
        outbox_high_bytes: 64 * KIB,
        outbox_low_bytes: 16 * KIB,
        outbox_bytes_max: 2 * MIB,
        message_rate: None,
        rate_policy: RatePolicy::Wait,
        mail_messages_max: 4_096,
        mail_bytes_max: 4 * MIB,
        batch_bytes_max: 512 * KIB,
        batches_max: 8,
        callback_ms_max: 50,
        held_bytes_max: Self::OFF_COUNT,
        sockets_max: 10_000,
        sockets_per_ip_max: 256,
        connection_rate: Some(Rate { per_s: 30, burst: 120 }),
        handshakes_max: 256,
        topics_max: 131_072,
        topics_per_socket_max: 1_024,
        read_buffer_bytes: 64 * KIB,
        spare_bytes_max: 8 * MIB,
        turn_reads_max: 1,
        turn_write_bytes_max: MIB + KIB,
        turn_accepts_max: 256,
        turn_batches_max: 16,
        turn_deliveries_max: 16_384,
        turn_work_max: 8_000_000,
        files_open_max: 256,
        deflate_threshold_bytes: 512,
        deflate_context_bytes_max: 0,
        drain_ms_max: 30_000,
        drain_spread_ms: 10_000,
    };

    /// The preset for constrained hosts: 100 sockets, 8 KiB messages. With one service the
    /// worst case, all sockets hostile at once, is [`Limits::memory_bytes_max`]`(1)`: below
    /// 8 MiB, and below 10 MiB with the feature `deflate`.
    pub const SMALL: Self = Self {
        message_bytes_max: 8 * KIB,
        fragments_max: 1_024,
        head_bytes_max: 4 * KIB,
        headers_max: 32,
        request_line_bytes_max: KIB,
        outbox_high_bytes: 4 * KIB,
        outbox_low_bytes: KIB,
        outbox_bytes_max: 16 * KIB,
        mail_messages_max: 128,
        mail_bytes_max: 64 * KIB,
        batch_bytes_max: 8 * KIB,
        batches_max: 4,
        sockets_max: 100,
        sockets_per_ip_max: Self::OFF_COUNT,
        connection_rate: None,
        handshakes_max: 16,
        topics_max: 64,
        topics_per_socket_max: 8,
        read_buffer_bytes: 8 * KIB,
        spare_bytes_max: 64 * KIB,
        turn_write_bytes_max: 64 * KIB,
        turn_accepts_max: 16,
        turn_deliveries_max: 1_024,
        files_open_max: 16,
        ..Self::SERVER
    };

    /// Sockets beyond `sockets_max` that are held just long enough to answer them with 503.
    pub const REFUSALS_MAX: usize = 16;

    /// Most bytes that wait for the loop in the queue of all senders of a service: as many as
    /// `batches_max` full batches. Over it: `SendError::Full`, or the sender waits.
    /// A transaction counts with about a hundred bytes on top.
    #[must_use]
    pub const fn sender_bytes_max(&self) -> usize {
        self.batches_max.saturating_mul(self.batch_bytes_max)
    }

    /// For how many sockets tables are reserved from the start. Reserved memory that is not used
    /// costs none, while a table that grows leaves its former memory behind.
    #[must_use]
    pub const fn tables_len(&self) -> usize {
        let len = self.sockets_max.saturating_add(Self::REFUSALS_MAX);
        if len < TABLES_LEN_MAX { len } else { TABLES_LEN_MAX }
    }

    /// How many requests for files the thread that reads them gets at a time. Others wait.
    #[must_use]
    pub const fn fetches_max(&self) -> usize {
        let len = self.files_open_max / 16;
        if len < 2 {
            2
        } else if len > 16 {
            16
        } else {
            len
        }
    }

    /// Whether a message of this length in bytes is compressed. One that is too long for an outbox
    /// is not: compression might make it fit, but only by chance, and with a lot of work.
    #[must_use]
    pub const fn compresses(&self, message_len: usize) -> bool {
        message_len > 0
            && message_len >= self.deflate_threshold_bytes
            && message_len <= self.outbox_bytes_max
    }

    /// Checks whether the numbers fit each other, as binding a server does.
    ///
    /// # Errors
    /// The first relation that is violated.
    pub const fn check(&self) -> Result<(), LimitsError> {
        if self.outbox_bytes_max < self.message_bytes_max {
            return Err(LimitsError::OutboxBelowMessage);
        }
        if self.outbox_low_bytes >= self.outbox_high_bytes {
            return Err(LimitsError::LowAboveHigh);
        }
        if self.outbox_high_bytes > self.outbox_bytes_max {
            return Err(LimitsError::HighAboveMax);
        }
        if self.request_line_bytes_max > self.head_bytes_max {
            return Err(LimitsError::LineAboveHead);
        }
        if self.sockets_max > SOCKETS_CEILING {
            return Err(LimitsError::TooManySockets);
        }
        if self.zero_somewhere() {
            return Err(LimitsError::Zero);
        }
        Ok(())
    }

    /// A bound of zero would let nothing through, or keep a turn from progressing.
    const fn zero_somewhere(&self) -> bool {
        self.message_bytes_max == 0
            || self.fragments_max == 0
            || self.request_line_bytes_max == 0
            || self.headers_max == 0
            || matches!(self.message_rate, Some(Rate { per_s: 0, .. } | Rate { burst: 0, .. }))
            || matches!(self.connection_rate, Some(Rate { per_s: 0, .. } | Rate { burst: 0, .. }))
            || self.mail_messages_max == 0
            || self.mail_bytes_max == 0
            || self.batch_bytes_max == 0
            || self.batches_max == 0
            || self.held_bytes_max == 0
            || self.sockets_max == 0
            || self.sockets_per_ip_max == 0
            || self.handshakes_max == 0
            || self.read_buffer_bytes < READ_BUFFER_BYTES_MIN
            || self.turn_reads_max == 0
            || self.turn_write_bytes_max == 0
            || self.turn_accepts_max == 0
            || self.turn_batches_max == 0
            || self.turn_deliveries_max == 0
            || self.turn_work_max == 0
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::SERVER
    }
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
const READ_BUFFER_BYTES_MIN: usize = 512;
const TABLES_LEN_MAX: usize = 65_536;
const SOCKETS_CEILING: usize = 1 << 24;

const _: () = assert!(Limits::SERVER.check().is_ok() && Limits::SMALL.check().is_ok());
