//! `Notes`: what the log has of a request beside its method and path, until its socket opens or
//! goes. An open socket keeps none of it, so that it costs no memory.

/// What the log has of a request.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// The address of the trusted proxy that has connected for its client.
    pub(super) proxy: String,
    /// The host that it names.
    pub(super) host: String,
    /// What the client says that it is.
    pub(super) user_agent: String,
}
