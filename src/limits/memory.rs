//! The worst case of memory: the sum of all bounds of [`Limits`].

use crate::limits::Limits;

impl Limits {
    /// The worst case of memory in bytes, with every socket and each of `services` running services
    /// under attack at once; `u64::MAX` if there is no bound. Not included: what services keep for
    /// themselves, the answers that they refuse sockets with, messages that are too long for any
    /// outbox, what other threads send ([`Limits::senders_memory_bytes_max`]), and further workers
    /// of services ([`Limits::worker_memory_bytes_max`]).
    ///
    /// - Each socket costs [`Limits::socket_memory_bytes_max`].
    /// - Each service costs its full mail and the message that fills it, twice, since its list
    ///   doubles as it grows; likewise its batches for the loop, each with one more message of the
    ///   longest that an outbox takes; and its topics.
    /// - With `connection_rate`, addresses without sockets are kept.
    /// - The loop has one read buffer, one more buffer while another grows, and the buffers that
    ///   are kept from large messages.
    /// - With the feature `deflate`, compressed messages may be somewhat longer than their content,
    ///   a message exists in both forms for a moment, and the loop has the states of the
    ///   compression and the contexts of all sockets.
    #[must_use]
    pub const fn memory_bytes_max(&self, services: usize) -> u64 {
        let sockets = sum(&[bytes(self.sockets_max), bytes(Self::REFUSALS_MAX)]);
        let topics = times(self.topics_max, TOPIC_BYTES + bytes(Self::TOPIC_NAME_BYTES_MAX));
        let subscribers = sockets.saturating_mul(SUBSCRIBER_BYTES);
        let service = sum(&[self.worker_memory_bytes_max(), topics, subscribers]);
        let input = larger(bytes(self.head_bytes_max), bytes(self.input_bytes_max()));
        // A file that is requested stays so when its socket goes.
        let fetch = sum(&[
            bytes(self.head_bytes_max),
            times(self.headers_max, FIELD_BYTES),
            times(2, bytes(self.request_line_bytes_max)),
        ]);
        let idle = if self.connection_rate.is_some() { Self::IDLE_ADDRESSES_MAX } else { 0 };
        sum(&[
            sockets.saturating_mul(self.socket_memory_bytes_max()),
            times(idle, ADDRESS_BYTES),
            times(services, service),
            bytes(self.read_buffer_bytes),
            bytes(self.spare_bytes_max),
            larger(times(2, input), bytes(self.outbox_bytes_max)),
            LOOP_BYTES,
            times(2 * Self::LOOKUPS_MAX, bytes(self.request_line_bytes_max)),
            times(self.fetches_max(), fetch),
            self.deflate_bytes_max(),
        ])
    }

    /// What each worker of a service but the first (`Workers`) adds to
    /// [`Limits::memory_bytes_max`]: mail, batches and a thread of its own; `u64::MAX` if there is
    /// no bound.
    #[must_use]
    pub const fn worker_memory_bytes_max(&self) -> u64 {
        let mail = sum(&[
            bytes(self.mail_bytes_max),
            bytes(self.message_bytes_max),
            bytes(Self::MAIL_ITEM_BYTES),
        ]);
        let batch = sum(&[times(2, bytes(self.batch_bytes_max)), bytes(self.outbox_bytes_max)]);
        let batches = times(self.batches_max.saturating_add(2), batch);
        sum(&[times(2, mail), batches, SERVICE_BYTES])
    }

    /// The worst case of memory in bytes for one socket; `u64::MAX` if there is no bound. It is the
    /// sum of
    ///
    /// - a fixed part, and its subscriptions;
    /// - the larger of its request and its conversation, since it never has both;
    /// - the rest of one read, which waits until its service has taken what came before.
    ///
    /// A request is the head, whose buffer and list of fields double as they grow, and, while a
    /// service decides, copies of its path and its subprotocols, and some texts for the log.
    ///
    /// A conversation is the message that grows, whose buffer doubles as well, and the outbox:
    ///
    /// - the bytes that wait, and as many again, since a buffer is freed only when its last byte
    ///   has been written. Only the first buffer has bytes that have been written; where small
    ///   messages are joined, those may exceed the outbox limit;
    /// - spare capacity in the last buffer, to which small messages are joined. A buffer that a
    ///   service passes is shortened to its message;
    /// - the list of buffers, a sixteenth of what waits.
    ///
    /// Bytes that several outboxes share count in each. Contexts of compression come on top, for
    /// all sockets together `deflate_context_bytes_max`.
    #[must_use]
    pub const fn socket_memory_bytes_max(&self) -> u64 {
        let request = sum(&[
            times(4, bytes(self.head_bytes_max)),
            times(self.headers_max, FIELD_BYTES),
            PROTOCOLS_BYTES,
            NOTES_BYTES,
        ]);
        let waits = bytes(self.outbox_bytes_max);
        let left = larger(waits, bytes(Self::OUTBOX_CHUNK_BYTES));
        let outbox = sum(&[waits, left, bytes(Self::OUTBOX_SPARE_BYTES), waits / 16]);
        let conversation = sum(&[times(2, bytes(self.input_bytes_max())), outbox]);
        sum(&[
            SOCKET_BYTES,
            times(2, bytes(Self::LABELS_BYTES_MAX)),
            times(self.topics_per_socket_max, SUBSCRIPTION_BYTES),
            larger(request, conversation),
            bytes(self.read_buffer_bytes),
        ])
    }

    /// The maximum length of all frames of one message.
    const fn input_bytes_max(&self) -> usize {
        if cfg!(feature = "deflate") { self.compressed_bytes_max() } else { self.message_bytes_max }
    }

    /// The maximum length of a compressed message. Data that cannot be compressed becomes somewhat
    /// longer.
    #[must_use]
    pub const fn compressed_bytes_max(&self) -> usize {
        self.message_bytes_max.saturating_add(self.message_bytes_max / 8).saturating_add(64)
    }

    /// About how much memory a database takes in bytes, in addition to
    /// [`Limits::memory_bytes_max`]: 2 MiB for each of its threads, which is the page cache of
    /// SQLite, and for each job that may wait what its entry takes. What a job itself holds is the
    /// service's.
    #[cfg(feature = "database")]
    #[must_use]
    pub const fn database_bytes_max(connections: usize, queue: usize) -> u64 {
        let threads = connections.saturating_add(1);
        sum(&[times(threads, 2 << 20), times(queue, DATABASE_JOB_BYTES)])
    }

    /// The maximum of memory that TLS takes in addition to [`Limits::memory_bytes_max`], if all
    /// sockets come through TLS listeners. It is the sum of
    ///
    /// - for each socket: its keys, a record that is not whole, one that has not left, and the
    ///   answers of TLS to what one read has brought;
    /// - for each handshake: its messages so far, and the certificates that answer them;
    /// - what the loop decrypts and encrypts at a time.
    #[must_use]
    pub const fn tls_memory_bytes_max(&self) -> u64 {
        let sockets = times(self.sockets_max, Self::TLS_SOCKET_BYTES_MAX);
        let handshakes = times(self.handshakes_max, Self::TLS_HANDSHAKE_BYTES_MAX);
        sum(&[sockets, handshakes, Self::TLS_HANDSHAKE_BYTES_MAX])
    }

    /// The maximum of memory that the senders of a service take together, in addition to
    /// [`Limits::memory_bytes_max`]. It is the sum of what waits
    /// ([`Limits::sender_bytes_max`]), in two lists that double as they grow, and of one message
    /// that fills the queue, of the longest that an outbox takes.
    #[must_use]
    pub const fn senders_memory_bytes_max(&self) -> u64 {
        let waits = bytes(self.sender_bytes_max());
        sum(&[waits.saturating_mul(4), bytes(self.outbox_bytes_max), SENDERS_BYTES])
    }

    /// The maximum of memory that a program of a document root takes in the host, in addition to
    /// that of a service. With a process for each socket, this is the maximum of each process. It
    /// is the sum of the input that the process has not read (the mail and one more message, in a
    /// buffer that grows), its unfinished output (likewise), and one read of its output. The
    /// variables of a request may be twice what it counts in the mail. A program with one process
    /// for all sockets also has a set of its sockets, and of those before it was replaced.
    #[must_use]
    pub const fn program_memory_bytes_max(&self) -> u64 {
        let unread = sum(&[bytes(self.message_bytes_max), times(2, bytes(self.mail_bytes_max))]);
        let sockets = times(self.sockets_max, 2 * MEMBER_BYTES);
        sum(&[times(2, unread), times(2, bytes(self.outbox_bytes_max)), sockets, PROGRAM_BYTES])
    }

    /// The maximum of memory that a program takes in addition if its sockets outlive it
    /// (`OnDeath::Keep`). It is the sum of
    ///
    /// - the OPEN of each socket, and those of as many sockets that have gone, until the program
    ///   has read that;
    /// - the unread input in its pipe (which the program may enlarge) and in its buffer: twice
    ///   that, since the system is not asked each time, in a buffer that doubles as it grows, with
    ///   a list of the lines, which may be short. All this three times, since the input of the last
    ///   process is kept until the next one has got it.
    #[must_use]
    pub const fn kept_memory_bytes_max(&self) -> u64 {
        let opening = sum(&[
            bytes(self.head_bytes_max),
            times(self.headers_max, VARIABLE_BYTES),
            times(3, bytes(self.request_line_bytes_max)),
            OPENING_BYTES,
        ]);
        let mail = times(2, bytes(self.mail_bytes_max));
        let told = sum(&[PIPE_BYTES, bytes(self.message_bytes_max), mail]);
        let unread = times(4 + LINES_SHARE, told);
        sum(&[times(2, opening).saturating_mul(bytes(self.sockets_max)), times(3, unread)])
    }

    /// The cost of compression, beside the sockets.
    const fn deflate_bytes_max(&self) -> u64 {
        if cfg!(feature = "deflate") {
            let outbox = times(2, bytes(self.outbox_bytes_max));
            let both = larger(bytes(self.message_bytes_max), outbox);
            return sum(&[CODEC_BYTES, both, bytes(self.deflate_context_bytes_max)]);
        }
        0
    }
}

const fn larger(a: u64, b: u64) -> u64 {
    if a > b { a } else { b }
}

/// The saturating sum: a bound that is off makes it infinite.
const fn sum(mut terms: &[u64]) -> u64 {
    let mut total: u64 = 0;
    while let Some((first, rest)) = terms.split_first() {
        total = total.saturating_add(*first);
        terms = rest;
    }
    total
}

/// The saturating product.
const fn times(count: usize, price: u64) -> u64 {
    price.saturating_mul(bytes(count))
}

/// A bound as a term. A bound that is off is infinite, also where a `usize` has 32 bits.
const fn bytes(bound: usize) -> u64 {
    if bound == usize::MAX { u64::MAX } else { bound as u64 }
}

/// The slab entry (its table may have grown to twice its use), timer, stream and membership; the
/// parts of an unfinished message beside its payload, and control frames behind a full outbox.
const SOCKET_BYTES: u64 = 1_536;
/// One address without sockets: an entry in two tables of up to twice their use, and in the smaller
/// table that one of them grows from.
const ADDRESS_BYTES: u64 = 160;
/// One field of a head: an entry in a list of up to twice its use.
const FIELD_BYTES: u64 = 32;
/// Two lists of up to 64 subprotocols, beside their names.
const PROTOCOLS_BYTES: u64 = 6_144;
/// The host and the user agent of a request, each cut after 200 bytes, and the address of a proxy.
const NOTES_BYTES: u64 = 640;
/// One subscription: an entry on either side, in tables of up to twice their use.
const SUBSCRIPTION_BYTES: u64 = 64;
/// The list of a socket that has subscribed, and how many topics count for its address, in tables
/// of up to twice their use, which each service has.
const SUBSCRIBER_BYTES: u64 = 120;
/// One topic: its entry in the table by name and its list, each up to twice their use.
const TOPIC_BYTES: u64 = 256;
/// One running service beside its mail: queues, names, the handle of its thread.
const SERVICE_BYTES: u64 = 4_096;
/// The queue of senders beside what waits there, and its entry in tables.
const SENDERS_BYTES: u64 = 512;
/// One program's poll, its events, the buffers of its pipes and of a new version beside it, and a
/// line of its own log.
const PROGRAM_BYTES: u64 = 360_448;
/// A socket in a set, whose nodes may be half empty.
const MEMBER_BYTES: u64 = 24;
/// How much longer a header is as a variable: its prefix and newline, instead of a colon, a blank
/// and the end of a line.
const VARIABLE_BYTES: u64 = 4;
/// The other variables of an OPEN, beside path and query; and its entry in the table.
const OPENING_BYTES: u64 = 1_024;
/// The maximum length that a program may give its pipe.
const PIPE_BYTES: u64 = 1 << 20;
/// The size of the list of lines, relative to the shortest lines: 32 bytes for 15, for twice as
/// many lines as may be unread, and up to twice its use.
const LINES_SHARE: usize = 9;
/// Timers, event list and tables of the loop.
const LOOP_BYTES: u64 = 65_536;
/// The entry of a job that waits, in a list that has grown, and the boxes around what it holds.
#[cfg(feature = "database")]
const DATABASE_JOB_BYTES: u64 = 512;
/// The states of compression: three that deflate and one that inflates.
const CODEC_BYTES: u64 = 1 << 20;

const SMALL_BYTES_MAX: u64 = if cfg!(feature = "deflate") { 10 << 20 } else { 8 << 20 };

const _: () = assert!(
    Limits::SMALL.memory_bytes_max(1) < SMALL_BYTES_MAX,
    "the documented worst case of the small preset must hold"
);
