//! The words of the keys of TLS.

/// Whether clients have to show a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsClient {
    /// A client without one is refused. This is the default.
    #[default]
    Require,
    /// A client may have none.
    Ask,
}

/// Whether plain requests are redirected to TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsRedirect {
    /// They are served. This is the default.
    #[default]
    No,
    /// They get a 308, or a 426 if they ask for a socket.
    Yes,
}
