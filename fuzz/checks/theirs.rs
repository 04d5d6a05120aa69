//! The other implementation, over a connection in memory: when there is nothing more to be read,
//! reading would block.

use std::io::{self, Read, Write};

use tungstenite::WebSocket;
use tungstenite::protocol::{Role, WebSocketConfig};

/// What can be read, and what was written.
pub struct Wire<'a> {
    pub input: &'a [u8],
    pub output: Vec<u8>,
}

/// Their end of a conversation that is open, with `input` to be read. Messages and frames have
/// up to `message_bytes_max`.
pub fn connect(input: &[u8], role: Role, message_bytes_max: usize) -> WebSocket<Wire<'_>> {
    let config = WebSocketConfig::default()
        .read_buffer_size(1_024)
        .max_message_size(Some(message_bytes_max))
        .max_frame_size(Some(message_bytes_max));
    let wire = Wire { input, output: Vec::new() };
    WebSocket::from_raw_socket(wire, role, Some(config))
}

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.input.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.input.read(buffer)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.output.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
