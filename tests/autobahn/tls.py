"""TLS of the server: its certificate, and stunnel, since kosoku speaks no TLS."""
import contextlib, os, socket, time
from process import HERE, OUT, child, fail, require

FOLDER = os.path.join(OUT, "tls")
START_SECONDS = 120
STUNNEL = """foreground = yes
pid =
[wss]
client = yes
accept = 127.0.0.1:{port}
connect = {address}
CAfile = {folder}/cert.pem
verifyChain = yes
checkHost = localhost
sni = localhost
"""


def configuration():
    """server.conf, with TLS alone; its path."""
    os.makedirs(FOLDER, exist_ok=True)
    cert, key, log, conf = (os.path.join(FOLDER, name)
                            for name in ("cert.pem", "key.pem", "openssl.txt", "server.conf"))
    require(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
            START_SECONDS, log)
    with open(os.path.join(HERE, "server.conf")) as file:
        limits = file.read()
    with open(conf, "w") as file:
        file.write(f"[server]\nport: none\ntls-port: 0\ntls-certificate: {cert}\n"
                   f"tls-key: {key}\n{limits}")
    return conf


@contextlib.contextmanager
def unsealed(address):
    """An address without TLS, behind which stunnel speaks TLS to the server."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    conf, log = os.path.join(FOLDER, "stunnel.conf"), os.path.join(FOLDER, "stunnel.txt")
    with open(conf, "w") as file:
        file.write(STUNNEL.format(port=port, address=address, folder=FOLDER))
    with open(log, "w") as file, child(["stunnel4", conf], stdout=file, stderr=file) as stunnel:
        end = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            if stunnel.poll() is not None or time.monotonic() > end:
                fail(f"stunnel does not listen, see {log}")
            time.sleep(0.02)
        yield f"127.0.0.1:{port}"
