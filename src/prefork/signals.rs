//! `ParentSignals`: signals for a parent, as readable bytes.

use std::io::{self, Read};

use mio::unix::pipe;
use mio::{Interest, Registry, Token};

use crate::sys::signals::{SignalKind, SignalPipe};

/// The signals that a parent has.
pub(super) struct ParentSignals(Vec<SignalSource>);

struct SignalSource {
    kind: SignalKind,
    receiver: pipe::Receiver,
    _caught: SignalPipe,
}

impl ParentSignals {
    /// Catches them. Their tokens are the first ones.
    ///
    /// # Errors
    /// The error of the system.
    pub(super) fn catch(registry: &Registry) -> io::Result<Self> {
        let kinds = [SignalKind::Reap, SignalKind::Stop, SignalKind::Reload, SignalKind::Status];
        let source = |(token, kind)| {
            let (sender, mut receiver) = pipe::new()?;
            registry.register(&mut receiver, Token(token), Interest::READABLE)?;
            Ok(SignalSource { kind, receiver, _caught: SignalPipe::new(kind, sender)? })
        };
        kinds.into_iter().enumerate().map(source).collect::<io::Result<_>>().map(Self)
    }

    /// None of them, since each is caught at one place of a program.
    #[cfg(test)]
    pub(super) const fn none() -> Self {
        Self(Vec::new())
    }

    /// The signals that have come. Those of one kind count as one.
    pub(super) fn take(&mut self) -> Vec<SignalKind> {
        let has_come = |source: &mut SignalSource| {
            let mut bytes = [0; 64];
            let mut has_come = false;
            while source.receiver.read(&mut bytes).is_ok_and(|len| len > 0) {
                has_come = true;
            }
            has_come
        };
        let come = self.0.iter_mut().filter_map(|source| has_come(source).then_some(source.kind));
        come.collect()
    }
}

/// Tokens below this are of signals.
pub(super) const SIGNALS_LEN: usize = 4;
