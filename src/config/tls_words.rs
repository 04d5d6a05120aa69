//! The words of the keys of TLS.

/// Whether clients have to show a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsClient {
    /// One without a certificate is refused.
    #[default]
    Require,
    /// They may have none.
    Ask,
}

/// Whether plain requests are sent to TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsRedirect {
    /// They are served.
    #[default]
    No,
    /// They get a 308, or a 426 if they ask for a socket.
    Yes,
}
