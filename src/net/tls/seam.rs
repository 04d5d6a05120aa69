//! The seam between TLS and what carries it: a channel makes records of plain bytes and back, a
//! stream moves the records. A server has channels of rustls on streams of TCP; the simulation has
//! others.

use std::io::{self, Read, Write};

use mio::net::TcpStream;

use crate::net::tls::records::Records;
use crate::service::TlsInfo;

/// Makes channels, one for each connection.
pub trait MakeChannel {
    /// What it makes.
    type Channel: RecordChannel;

    /// A channel before its first byte.
    ///
    /// # Errors
    /// The system has no random numbers.
    fn make(&self) -> io::Result<Self::Channel>;
}

/// One connection, from the records of the client to plain bytes and back, without I/O.
pub trait RecordChannel {
    /// Most bytes for one call of [`RecordChannel::encrypt`]: one record.
    const PLAIN_MAX: usize = 16 * 1024;
    /// A record of [`RecordChannel::PLAIN_MAX`] bytes is no longer (RFC 5246, 6.2.3).
    const RECORDS_MAX: usize = Self::PLAIN_MAX + 2_048 + 5;
    /// Behind a whole record, so many bytes are written with it: a message of 16 KiB is longer by
    /// its header.
    const TAIL_MAX: usize = 1_024;
    /// Most bytes in one read.
    const READ_MAX: usize = 32 * 1024;
    /// The longest first messages of a client, with the headers of their records. Those of browsers
    /// have 2 KiB at most, with the keys of post-quantum groups; client certificates come in
    /// addition.
    const HANDSHAKE_REST_MAX: usize = 64 * 1024;
    /// Most handshakes that begin in one turn. A signature takes up to 0.7 ms, with RSA.
    const TURN_HELLOS_MAX: usize = 4;
    /// The shortest buffer for a read: what came, with a record that was not whole.
    const BUFFER_MIN: usize = Self::READ_MAX + Self::RECORDS_MAX;
    /// More than what is written at once does not wait for the client, beside what one read causes:
    /// an answer of TLS is shorter than what it answers.
    const UNSENT_MAX: usize = Self::RECORDS_MAX;

    /// Whether the first message of the client has not come.
    fn is_new(&self) -> bool;

    /// Whether its handshake is over.
    fn is_open(&self) -> bool;

    /// Decrypts all whole records of `input` into `output`, and adds what is to be sent for them to
    /// `reply`. The output is enough for all that is new in the input, and one record. The input is
    /// changed. What is not used has to come first in the next input.
    fn decrypt(&mut self, input: &mut [u8], output: &mut [u8], reply: &mut Records) -> Decrypted;

    /// Adds `plain`, at most [`RecordChannel::PLAIN_MAX`] bytes, to `out` as records. `rest` is
    /// what [`RecordChannel::decrypt`] has not used.
    ///
    /// # Errors
    /// The handshake is not over, or the keys are used up.
    fn encrypt(
        &mut self,
        plain: &[u8],
        rest: &mut [u8],
        out: &mut Records,
    ) -> Result<(), &'static str>;

    /// Adds close_notify to `out` (RFC 8446, 6.1): nothing follows.
    fn close(&mut self, rest: &mut [u8], out: &mut Records);

    /// What the handshake has shown, once.
    fn take_info(&mut self) -> TlsInfo;
}

/// What [`RecordChannel::decrypt`] has done.
#[derive(Debug)]
pub struct Decrypted {
    /// How many bytes of the input are used up. The others have to come again, with more.
    pub used: usize,
    /// How many plain bytes there are.
    pub plain: usize,
    /// How many records were tried.
    pub records: usize,
    /// Where the connection is then.
    pub state: ChannelState,
}

/// Where a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelState {
    /// The handshake is not over.
    Handshake,
    /// Bytes may be sent and received.
    Open,
    /// The client has sent close_notify (RFC 8446, 6.1): nothing follows.
    Ended,
    /// It has failed, for this reason.
    Failed(&'static str),
}

/// A connection below TLS, which does not block.
pub trait SealedStream: Read + Write {
    /// Ends our half.
    fn end(&mut self);
}

impl SealedStream for TcpStream {
    fn end(&mut self) {
        // If it fails, the connection is lost; the next read reports that.
        let _ = self.shutdown(std::net::Shutdown::Write);
    }
}
