//! What can be wrong with a request head, and how it is answered.

use core::fmt;

use crate::ws::Status;

/// What can be wrong with a request head. Each has the status that answers it, and a text for the
/// peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeadError {
    /// The method is not a token followed by one blank.
    Method,
    /// The target is empty or has a character that no target has.
    Target,
    /// The first byte is that of a TLS handshake.
    Tls,
    /// It begins as a header of the PROXY protocol does: `PROXY `, or two empty lines.
    Proxy,
    /// The third word is missing, or not `HTTP/` and two digits with a dot.
    Version,
    /// The version is well-formed, but its major number is not 1.
    UnsupportedVersion,
    /// A carriage return that no line feed follows.
    BareCarriageReturn,
    /// A line feed that no carriage return precedes.
    BareLineFeed,
    /// A line that begins with a blank.
    Folding,
    /// A blank between a field's name and its colon.
    SpaceBeforeColon,
    /// A field name that is not a token.
    Name,
    /// A control character in a field value.
    Value,
    /// `Transfer-Encoding` is there.
    TransferEncoding,
    /// `Content-Length` is not a single 0.
    ContentLength,
    /// `Host` is missing in HTTP/1.1.
    NoHost,
    /// `Host` is there twice.
    TwoHosts,
    /// `Host` is no host.
    Host,
    /// The request line is longer than this many bytes.
    RequestLineTooLong(usize),
    /// There are more fields than this.
    TooManyFields(usize),
    /// The head is longer than this many bytes.
    HeadTooLong(usize),
}

impl HeadError {
    /// The status that answers it.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::UnsupportedVersion => Status::VERSION_NOT_SUPPORTED,
            Self::RequestLineTooLong(_) => Status::URI_TOO_LONG,
            Self::TooManyFields(_) | Self::HeadTooLong(_) => Status::FIELDS_TOO_LARGE,
            Self::Method
            | Self::Target
            | Self::Tls
            | Self::Proxy
            | Self::Version
            | Self::BareCarriageReturn
            | Self::BareLineFeed
            | Self::Folding
            | Self::SpaceBeforeColon
            | Self::Name
            | Self::Value
            | Self::TransferEncoding
            | Self::ContentLength
            | Self::NoHost
            | Self::TwoHosts
            | Self::Host => Status::BAD_REQUEST,
        }
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method => f.write_str("the method is not a token followed by one blank"),
            Self::Target => f.write_str("the request target is empty or has a forbidden character"),
            Self::Tls => f.write_str(
                "these are TLS bytes, and this port speaks plain HTTP: use ws:// or http://, or a \
                 proxy that speaks TLS",
            ),
            Self::Proxy => f.write_str(
                "this looks like the PROXY protocol: set proxy-protocol and trusted-proxy, or have \
                 the proxy send none",
            ),
            Self::Version => f.write_str("the request line does not end in HTTP/1.1 or HTTP/1.0"),
            Self::UnsupportedVersion => f.write_str("the HTTP version is neither 1.1 nor 1.0"),
            Self::BareCarriageReturn => f.write_str("a carriage return without a line feed"),
            Self::BareLineFeed => f.write_str("a line feed without a carriage return"),
            Self::Folding => f.write_str("a header line begins with a blank"),
            Self::SpaceBeforeColon => f.write_str("a blank between a header name and its colon"),
            Self::Name => f.write_str("a header name is not a token followed by a colon"),
            Self::Value => f.write_str("a control character in a header value"),
            Self::TransferEncoding => f.write_str("Transfer-Encoding is not accepted"),
            Self::ContentLength => {
                f.write_str("Content-Length is not accepted, but for a single 0")
            }
            Self::NoHost => f.write_str("the Host header is missing"),
            Self::TwoHosts => f.write_str("the Host header is there more than once"),
            Self::Host => f.write_str("the Host header is not a host with or without a port"),
            Self::RequestLineTooLong(max) => {
                write!(f, "the request line is above {max} bytes (max-request-line)")
            }
            Self::TooManyFields(max) => {
                write!(f, "the request has more than {max} headers (max-headers)")
            }
            Self::HeadTooLong(max) => write!(f, "the request head is above {max} bytes (max-head)"),
        }
    }
}

impl core::error::Error for HeadError {}
