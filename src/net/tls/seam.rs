//! The seam between TLS and what carries it: a channel turns plain bytes into records and back, and
//! a stream carries the records. A server has channels of rustls on streams of TCP; the simulation
//! has others.

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
    /// Most plain bytes for one call of [`RecordChannel::encrypt`]: those of one record (RFC 8446,
    /// 5.1).
    const PLAIN_MAX: usize = 16 * 1024;
    /// The longest record, in bytes, with its header (RFC 5246, 6.2.3).
    const RECORDS_MAX: usize = Self::PLAIN_MAX + 2_048 + 5;
    /// Most plain bytes of a second record in the same write, behind a full one. Otherwise a
    /// message of 16 KiB would take two writes, since its header makes it longer than a record.
    const TAIL_MAX: usize = 1_024;
    /// Most bytes that one read takes from the stream.
    const READ_MAX: usize = 32 * 1024;
    /// Most bytes of the handshake that wait for the rest of a message, with the headers of their
    /// records. Browsers send 2 KiB at most, with the keys of post-quantum groups; a client
    /// certificate comes in addition.
    const HANDSHAKE_REST_MAX: usize = 64 * 1024;
    /// Most handshakes that begin in one turn. A signature takes up to 0.7 ms, with RSA.
    const TURN_HELLOS_MAX: usize = 4;
    /// The shortest buffer for a read, in bytes: what came, behind a record that was not whole.
    const BUFFER_MIN: usize = Self::READ_MAX + Self::RECORDS_MAX;
    /// While more bytes than this wait for the client to take them, it is not read. One read adds
    /// less than its own length: an answer of TLS is shorter than what it answers.
    const UNSENT_MAX: usize = Self::RECORDS_MAX;

    /// Whether the server has not answered the first message of the client.
    fn is_new(&self) -> bool;

    /// Whether the handshake is over.
    fn is_open(&self) -> bool;

    /// Decrypts all whole records of `input` into `output`, and adds the answers of TLS itself to
    /// `reply`. It overwrites the input. `output` has [`RecordChannel::BUFFER_MIN`] bytes or more.
    /// The next input has to begin with what this call does not use.
    fn decrypt(&mut self, input: &mut [u8], output: &mut [u8], reply: &mut Records) -> Decrypted;

    /// Adds `plain`, at most [`RecordChannel::PLAIN_MAX`] bytes, to `out` as records. `rest` is
    /// what [`RecordChannel::decrypt`] has not used.
    ///
    /// # Errors
    /// The handshake is not over, the connection has failed, or its keys are used up.
    fn encrypt(
        &mut self,
        plain: &[u8],
        rest: &mut [u8],
        out: &mut Records,
    ) -> Result<(), &'static str>;

    /// Adds close_notify to `out` (RFC 8446, 6.1), if the handshake is over. No record follows it.
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
    /// How many records were decrypted or made, also in vain. Each costs time of the turn.
    pub records: usize,
    /// Where the connection is after that.
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
