//! `ServerStream`: the bytes between a connection and its server, with TLS or without. It ends by
//! itself if the server is silent for too long: one that is stopped (SIGSTOP), or whose disk hangs,
//! neither answers nor ends a query, and its system keeps the connection open for ever.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use postgres::Socket;
use postgres::config::{Config, Host, SslMode, SslNegotiation};
use postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use rustls::ClientConfig;
use rustls_pki_types::{InvalidDnsNameError, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_rustls::client;

/// Makes the stream of each connection. The crate has no hook for streams but that for TLS, so a
/// connection without TLS has a stream of this kind as well, unless it is a Unix socket.
#[derive(Clone)]
pub(super) struct StreamConnector {
    /// Whose certificates are accepted. `None`: there is no TLS.
    tls: Option<Arc<ClientConfig>>,
    silence_max: Duration,
}

impl StreamConnector {
    /// Sets how `config` is connected. `None`: it has a Unix socket, and no such stream.
    pub(super) fn new(
        config: &mut Config,
        tls: Option<Arc<ClientConfig>>,
        silence_max: Duration,
    ) -> Option<Self> {
        let has_socket = config.get_hosts().iter().any(|host| matches!(host, Host::Unix(_)));
        if tls.is_some() {
            config.ssl_mode(SslMode::Require);
            return Some(Self { tls, silence_max });
        }
        if has_socket {
            config.ssl_mode(SslMode::Disable);
            return None;
        }
        // The server is not asked for TLS, and what takes its place changes nothing of the bytes.
        config.ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Direct);
        if config.get_hosts().is_empty() {
            // The crate wants a name for it, which nothing looks at.
            for address in config.get_hostaddrs().to_vec() {
                config.host(&address.to_string());
            }
        }
        Some(Self { tls, silence_max })
    }
}

impl MakeTlsConnect<Socket> for StreamConnector {
    type Stream = ServerStream;
    type TlsConnect = StreamConnect;
    type Error = InvalidDnsNameError;

    fn make_tls_connect(&mut self, host: &str) -> Result<StreamConnect, InvalidDnsNameError> {
        let tls = match &self.tls {
            None => None,
            Some(tls) => Some((Arc::clone(tls), ServerName::try_from(host)?.to_owned())),
        };
        Ok(StreamConnect { tls, silence_max: self.silence_max })
    }
}

/// What connects one stream.
pub(super) struct StreamConnect {
    /// With what the certificate has to name.
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    silence_max: Duration,
}

impl TlsConnect<Socket> for StreamConnect {
    type Stream = ServerStream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<ServerStream>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let bytes: Box<dyn Bytes> = match self.tls {
                None => Box::new(socket),
                Some((config, name)) => {
                    let connector = tokio_rustls::TlsConnector::from(config);
                    Box::new(connector.connect(name, socket).await?)
                }
            };
            Ok(ServerStream { bytes, silence: Silence::new(self.silence_max) })
        })
    }
}

/// A stream of bytes.
trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl Bytes for Socket {}

impl Bytes for client::TlsStream<Socket> {}

/// A connection to a server.
pub(super) struct ServerStream {
    bytes: Box<dyn Bytes>,
    silence: Silence,
}

/// For how long no byte has come or gone, while somebody waits for that.
struct Silence {
    max: Duration,
    /// When the last byte has come or gone.
    since: Instant,
    /// It wakes the one who waits.
    alarm: Option<Pin<Box<Sleep>>>,
    /// How often it was found to be too long, one time after the other.
    looks: u32,
}

impl Silence {
    fn new(max: Duration) -> Self {
        Self { max, since: Instant::now(), alarm: None, looks: 0 }
    }

    /// Looks at the time, if nothing has come or gone.
    ///
    /// A connection that has had nothing to do has been silent as well, and it is read before its
    /// next query is written. So a silence that is too long is looked at a few times more, without
    /// a wait: a query that is written in between has ended it.
    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.since = Instant::now();
            self.looks = 0;
            return polled;
        }
        let Some(end) = self.since.checked_add(self.max) else { return Poll::Pending };
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(end)));
        if alarm.deadline() != end {
            alarm.as_mut().reset(end);
        }
        if Instant::now() < end && alarm.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.looks += 1;
        if self.looks > LOOKS {
            return Poll::Ready(Err(self.error()));
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn error(&self) -> io::Error {
        let text = format!(
            "the server has been silent for {} s, although query-timeout was over: it hangs",
            self.max.as_secs()
        );
        io::Error::new(io::ErrorKind::TimedOut, text)
    }
}

impl TlsStream for ServerStream {
    /// A certificate is verified, so a password is bound to the server without it.
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for ServerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.bytes).poll_read(context, bytes);
        self.silence.watch(context, polled)
    }
}

impl AsyncWrite for ServerStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.bytes).poll_write(context, bytes);
        self.silence.watch(context, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_shutdown(context)
    }
}

/// How often a silence is looked at, until it is one of the server. A query is written at the
/// second look.
const LOOKS: u32 = 8;

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// Looks so often, while nothing comes. Returns whether the last one is the end.
    fn look(silence: &mut Silence, times: u32) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let looks = (0..times).map(|_| silence.watch::<()>(&mut context, Poll::Pending));
        looks.last().is_some_and(|last| last.is_ready())
    }

    #[test]
    fn a_query_after_a_pause_ends_the_silence() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let _entered = runtime.as_ref().expect("it is made").enter();
        let mut silence = Silence::new(Duration::ZERO);
        for _ in 0..3 {
            assert!(!look(&mut silence, 2), "the query is not written yet");
            let written = silence.watch(&mut Context::from_waker(Waker::noop()), ready());
            assert!(written.is_ready());
        }
        assert!(!look(&mut silence, LOOKS));
        assert!(look(&mut silence, 1), "no query was written");
        let mut silence = Silence::new(Duration::MAX);
        assert!(!look(&mut silence, 2 * LOOKS));
    }

    fn ready() -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
