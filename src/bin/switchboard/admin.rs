//! The listeners for operators that the configuration names, and their token.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use switchboard::admin::{Admin, AdminToken, TokenSlot};
use switchboard::config::{AdminAddress, Config};
use switchboard::host::ListenerSource;

/// What the listeners for operators share with a reload.
#[derive(Clone, Default)]
pub(crate) struct OperatorLinks {
    /// The secret in use.
    pub(crate) token: TokenSlot,
    reload: Arc<OnceLock<Box<ReloadAnswer>>>,
}

/// What `POST /reload` calls. It returns the text of the answer.
type ReloadAnswer = dyn Fn() -> Result<String, String> + Send + Sync;

/// The listeners of a configuration without their addresses, and what a reload changes in them.
///
/// # Errors
/// The token cannot be used, and why.
pub(crate) fn operators(config: &Config) -> Result<(Admin, OperatorLinks), String> {
    let mut admin = Admin::new();
    if let Some(token) = token(config)? {
        admin.token(token);
    }
    let links = OperatorLinks { token: admin.token_slot(), ..OperatorLinks::default() };
    let reload = links.reload.clone();
    admin.on_reload(move || match reload.get() {
        Some(reload) => reload(),
        None => Err("the server is starting".to_owned()),
    });
    Ok((admin, links))
}

impl OperatorLinks {
    /// Sets what `POST /reload` calls.
    pub(crate) fn reload_by(
        &self,
        act: impl Fn() -> Result<String, String> + Send + Sync + 'static,
    ) {
        // There is one run of the server.
        let _ = self.reload.set(Box::new(act));
    }
}

/// Adds the addresses of the configuration, or `inherited` listeners in their place.
pub(crate) fn listen_with(admin: &mut Admin, config: &Config, inherited: Vec<ListenerSource>) {
    if inherited.is_empty() {
        for address in &config.admin.addresses {
            match address {
                AdminAddress::Tcp(address) => admin.listen(*address),
                AdminAddress::Unix(path) => admin.unix_socket(path, SOCKET_MODE),
            };
        }
    }
    for listener in inherited {
        admin.listen_on(listener);
    }
}

/// Reads the file of the token, if there is one.
///
/// # Errors
/// It cannot be used, and why.
pub(crate) fn token(config: &Config) -> Result<Option<AdminToken>, String> {
    let Some(path) = &config.admin.token else { return Ok(None) };
    let fault = |what: String| format!("admin-token is {}: {what}", path.display());
    let text = read(path).map_err(|error| fault(format!("it cannot be read: {error}")))?;
    AdminToken::new(text.trim_end())
        .map(Some)
        .map_err(|error| fault(format!("{error}; openssl rand -hex 32 makes one")))
}

/// The warning about a token that others know.
pub(crate) fn known_token(config: &Config) -> Option<String> {
    let path = config.admin.token.as_ref()?;
    let mode = path.metadata().ok()?.mode();
    (mode & OTHERS_READ != 0).then(|| {
        format!(
            "admin-token is {}, which every user can read: take that away (chmod o-r)",
            path.display()
        )
    })
}

fn read(path: &Path) -> io::Result<String> {
    // To open a pipe would wait for somebody who writes to it.
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut text = String::new();
    File::open(path)?.take(TOKEN_FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// The owner and the group may do all that operators may do, and nobody else.
const SOCKET_MODE: u32 = 0o660;
const OTHERS_READ: u32 = 0o004;
const TOKEN_FILE_BYTES_MAX: u64 = 4_096;
