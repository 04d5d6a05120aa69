//! TLS in tests: certificates, which openssl makes once for each process of tests, and the client's
//! end of a connection, by rustls.

use std::fs;
use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion};
use switchboard::Server;
use switchboard::tls::{CertificateFiles, ClientCertificates, Tls, TlsFiles};

use super::{Raw, Running};

/// A folder of certificates: `NAME.pem` and `NAME.key`. The authorities are `ca`, which servers
/// and clients trust, and `foreign`. Then there are the certificates of [`ISSUED`].
pub fn certificates() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let name = format!("tls-{}-{}", env!("CARGO_CRATE_NAME"), std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).expect("it can be made");
        for name in ["ca", "foreign"] {
            let (key, out) = (format!("{name}.key"), format!("{name}.pem"));
            let words = ["req", "-x509", "-nodes", "-days", "3650", "-keyout", &key, "-out", &out];
            openssl(&folder, &[&words[..], &["-subj", &format!("/CN={name}")], P256].concat());
        }
        for (name, authority, names, days) in ISSUED {
            issue(&folder, name, authority, names, *days);
        }
        folder
    })
}

/// Certificates: a name, who has issued it, its DNS names, and for how many days.
pub const ISSUED: &[(&str, &str, &str, i32)] = &[
    ("first", "ca", "DNS:first.example,DNS:localhost,IP:127.0.0.1", 900),
    ("second", "ca", "DNS:second.example", 900),
    ("wild", "ca", "DNS:*.wild.example", 900),
    ("exact", "ca", "DNS:one.wild.example", 900),
    ("stranger", "foreign", "DNS:first.example", 900),
    ("expired", "ca", "DNS:first.example", -1),
    ("soon", "ca", "DNS:first.example", 10),
    ("later", "ca", "DNS:first.example", 16),
    // Of clients.
    ("alice", "ca", "DNS:alice.example,DNS:other.example", 900),
    ("stale", "ca", "DNS:stale.example", -1),
    ("outsider", "foreign", "DNS:outsider.example", 900),
];

const P256: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];

/// Issues a certificate, which is followed by that of its authority.
pub fn issue(folder: &Path, name: &str, authority: &str, names: &str, days: i32) {
    let own = folder.join(format!("{name}.ca"));
    fs::create_dir_all(&own).expect("it can be made");
    let database = own.join("index");
    fs::write(&database, "").expect("it can be written");
    let text = format!(
        "[ca]\ndefault_ca=a\n[a]\ndatabase={}\nnew_certs_dir={}\nrand_serial=yes\n\
         default_md=sha256\npolicy=p\ncopy_extensions=copy\nunique_subject=no\n\
         [p]\ncommonName=supplied\n",
        database.display(),
        own.display()
    );
    fs::write(own.join("conf"), text).expect("it can be written");
    let [key, request, out] = ["key", "csr", "pem"].map(|end| format!("{name}.{end}"));
    let words = ["req", "-new", "-nodes", "-keyout", &key, "-out", &request];
    let names = format!("subjectAltName={names}");
    let subject = format!("/CN={name}");
    openssl(folder, &[&words[..], &["-subj", &subject, "-addext", &names], P256].concat());
    let conf = format!("{name}.ca/conf");
    let [issuer, issuer_key] = ["pem", "key"].map(|end| format!("{authority}.{end}"));
    let end = date(days);
    let words = ["ca", "-batch", "-notext", "-config", &conf, "-in", &request, "-out", &out];
    let by = ["-cert", &issuer, "-keyfile", &issuer_key];
    let dates = ["-startdate", "20200101000000Z", "-enddate", &end];
    openssl(folder, &[&words[..], &by, &dates].concat());
    let chain = [read(folder, &out), read(folder, &issuer)].concat();
    fs::write(folder.join(out), chain).expect("it can be written");
    allow_owner(&folder.join(key));
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).expect("it was made")
}

/// The time in so many days, as openssl reads it.
fn date(days: i32) -> String {
    let words = ["-u", "-d", &format!("{days} days"), "+%Y%m%d%H%M%SZ"];
    let output = Command::new("date").args(words).output().expect("there is a date");
    String::from_utf8(output.stdout).expect("it is text").trim().to_owned()
}

/// Lets nobody but the owner read a file.
pub fn allow_owner(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("it is ours");
}

/// Runs openssl in a folder.
pub fn openssl(folder: &Path, words: &[&str]) -> String {
    let output = Command::new("openssl").args(words).current_dir(folder).output();
    let output = output.expect("openssl is installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {words:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The files of a certificate.
pub fn files_of(name: &str) -> CertificateFiles {
    let file = |end| certificates().join(format!("{name}.{end}"));
    CertificateFiles { chain: file("pem"), key: file("key") }
}

/// The files of certificates.
pub fn files(names: &[&str]) -> TlsFiles {
    let certificates = names.iter().map(|name| files_of(name)).collect();
    TlsFiles { certificates, ..TlsFiles::default() }
}

/// The same, with clients that have certificates of `ca`.
pub fn files_for_clients(names: &[&str], clients: ClientCertificates) -> TlsFiles {
    let authorities = Some(certificates().join("ca.pem"));
    TlsFiles { client_authorities: authorities, clients, ..files(names) }
}

/// The certificates of a server.
pub fn tls(names: &[&str]) -> Tls {
    Tls::load(&files(names)).expect("they can be used")
}

/// Starts a server with TLS on a free port, with these certificates.
pub fn start(server: Server, tls: &Tls) -> Running {
    let [address] = LOOPBACK;
    start_both(server, tls, &[], address).0
}

/// The same, beside plain listeners. Returns the address of TLS, too.
pub fn start_both(
    mut server: Server,
    tls: &Tls,
    plain: &[SocketAddr],
    address: SocketAddr,
) -> (Running, SocketAddr) {
    server.listen_tls(&[address]).tls(tls.clone());
    let host = server.bind(plain).expect("the ports are free");
    let address = host.tls_addresses().next().expect("it listens with TLS");
    (Running::run(host), address)
}

/// A free port of loopback.
pub const LOOPBACK: [SocketAddr; 1] =
    [SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0)];

/// Each version of TLS.
pub const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// A client that trusts `ca`. It resumes no sessions.
pub fn client(versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_protocol_versions(versions).expect("there are suites for them");
    let mut config = builder.with_root_certificates(roots()).with_no_client_auth();
    config.resumption = Resumption::disabled();
    config
}

/// The same, with a certificate of its own.
pub fn client_with(version: &'static SupportedProtocolVersion, name: &str) -> ClientConfig {
    let key = PrivateKeyDer::from_pem_file(certificates().join(format!("{name}.key")));
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_protocol_versions(&[version]).expect("there are suites for it");
    let builder = builder.with_root_certificates(roots());
    let config = builder.with_client_auth_cert(chain_of(name), key.expect("it is a key"));
    let mut config = config.expect("they fit");
    config.resumption = Resumption::disabled();
    config
}

/// What clients trust.
pub fn roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(chain_of("ca").remove(0)).expect("it is an authority");
    roots
}

/// The certificates in `NAME.pem`.
pub fn chain_of(name: &str) -> Vec<CertificateDer<'static>> {
    let chain = CertificateDer::pem_file_iter(certificates().join(format!("{name}.pem")));
    let chain = chain.expect("it is there");
    chain.collect::<Result<_, _>>().expect("they are certificates")
}

/// A client's end of a TLS connection.
#[derive(Debug)]
pub struct Sealed {
    connection: ClientConnection,
    /// Whether the server has ended TLS, before the end of the connection.
    has_notified: bool,
}

impl Sealed {
    /// The end of a client that asks for this name.
    pub fn new(config: ClientConfig, name: &str) -> Self {
        let name = ServerName::try_from(name.to_owned()).expect("it is a name");
        let connection = ClientConnection::new(Arc::new(config), name).expect("it can begin");
        Self { connection, has_notified: false }
    }

    /// The end by rustls.
    pub fn rustls(&mut self) -> &mut ClientConnection {
        &mut self.connection
    }

    /// The same, by itself.
    pub fn into_rustls(self) -> ClientConnection {
        self.connection
    }

    /// Whether the server has sent close_notify.
    pub fn has_notified(&self) -> bool {
        self.has_notified
    }

    /// The records that are to be sent.
    pub fn records(&mut self) -> Vec<u8> {
        let mut records = Vec::new();
        while self.connection.wants_write() {
            self.connection.write_tls(&mut records).expect("memory takes all");
        }
        records
    }

    /// Plain bytes as records, behind what else is to be sent. Those of one call are in one record
    /// if they fit.
    pub fn seal(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut records = self.records();
        for part in plain.chunks(16_384) {
            let mut left = part;
            while !left.is_empty() {
                let taken = std::io::Write::write(&mut self.connection.writer(), left);
                left = &left[taken.expect("it takes bytes")..];
                records.extend(self.records());
            }
        }
        records
    }

    /// Reads once from a connection, and appends what is decrypted. Returns false at the end, which
    /// is close_notify or that of the connection.
    ///
    /// # Errors
    /// The text of an error, which may be that an alert came.
    pub fn read(&mut self, stream: &mut TcpStream, plain: &mut Vec<u8>) -> Result<bool, String> {
        if self.has_notified {
            return Ok(false);
        }
        match self.connection.read_tls(stream) {
            Ok(0) => return Ok(false),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(true),
            Err(error) => return Err(error.to_string()),
        }
        let state = self.connection.process_new_packets().map_err(|error| error.to_string())?;
        self.has_notified = state.peer_has_closed();
        let (begin, len) = (plain.len(), state.plaintext_bytes_to_read());
        plain.resize(begin + len, 0);
        self.connection.reader().read_exact(&mut plain[begin..]).expect("they are there");
        Ok(!self.has_notified || len > 0)
    }
}

/// An open socket over TLS.
pub fn open(server: &Running, config: ClientConfig, path: &str) -> Raw {
    let mut raw = secure(server.address(), config, "first.example");
    raw.upgrade(path);
    raw
}

/// A connection whose handshake is over.
pub fn secure(address: SocketAddr, config: ClientConfig, name: &str) -> Raw {
    let mut raw = Raw::connect(address);
    raw.secure(config, name).expect("the handshake succeeds");
    raw
}
