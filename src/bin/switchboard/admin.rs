//! The listeners for operators that the configuration names, and their token.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use switchboard::admin::{Admin, AdminToken};
use switchboard::config::{AdminAddress, Config};
use switchboard::host::ListenerSource;

/// What requests of operators need.
#[derive(Debug, Default)]
pub(crate) struct Operators {
    /// The token for requests over TCP.
    pub(crate) token: Option<AdminToken>,
}

impl Operators {
    /// What the configuration names.
    ///
    /// # Errors
    /// The token cannot be used, and why.
    pub(crate) fn of(config: &Config) -> Result<Self, String> {
        Ok(Self { token: token(config)? })
    }
}

/// The listeners of the configuration, or `inherited` ones in their place.
pub(crate) fn listeners(
    config: &Config,
    operators: &Operators,
    inherited: Vec<ListenerSource>,
) -> Admin {
    let mut admin = Admin::new();
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
    if let Some(token) = &operators.token {
        admin.token(token.clone());
    }
    admin
}

/// Reads the file of the token, if there is one.
///
/// # Errors
/// It cannot be used, and why.
pub(crate) fn token(config: &Config) -> Result<Option<AdminToken>, String> {
    let Some(path) = &config.admin.token else { return Ok(None) };
    let fault = |what: String| format!("admin-token is {}: {what}", path.display());
    let (text, mode) = read(path).map_err(|error| fault(format!("it cannot be read: {error}")))?;
    if mode & OTHERS_READ != 0 {
        log::warn!(
            target: "switchboard::admin",
            "admin-token is {}, which every user can read: take that away (chmod o-r)",
            path.display()
        );
    }
    AdminToken::new(text.trim_end())
        .map(Some)
        .map_err(|error| fault(format!("{error}; openssl rand -hex 32 makes one")))
}

/// The text of a file, and its permissions.
fn read(path: &Path) -> io::Result<(String, u32)> {
    let file = File::open(path)?;
    let mode = file.metadata()?.mode();
    let mut text = String::new();
    file.take(TOKEN_FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok((text, mode))
}

/// The owner and the group may do all that operators may do, and nobody else.
const SOCKET_MODE: u32 = 0o660;
const OTHERS_READ: u32 = 0o004;
const TOKEN_FILE_BYTES_MAX: u64 = 4_096;
