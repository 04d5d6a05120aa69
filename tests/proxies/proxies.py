"""Drives proxies with the configurations of a document, an echo behind them; `run` starts this.

Of a configuration only what is of this machine is changed: ports, certificates, and where the
proxy keeps what it writes. What passes is asked for over TLS, by the host that the document names.
"""

import base64
import contextlib
import os
import re
import select
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HOST = "chat.example"
OWN = f"https://{HOST}"
UPSTREAM = "127.0.0.1:12345"
UNIX_UPSTREAM = "/run/switchboard/chat.sock"
DEADLINE_S = 30
# What tells the server that a proxy has forwarded a request, and what stands there instead to take
# it away; then the server has to refuse. Caddy always says it.
FORWARDS = {
    "nginx": (r"^.*X-Forwarded-For.*\n", ""),
    "haproxy": (r"^.*option forwardfor.*\n", ""),
    "apache2": (r"^.*ProxyPreserveHost.*\n", r"\g<0>ProxyAddHeaders off\n"),
}
# What the documents let a client have of each proxy that counts, and how more is answered: sockets at a
# time, with a status, or a connection that is closed; and requests, of which these are too many.
LIMITS = {"nginx": (64, 503, 503), "haproxy": (64, None, 429)}
REQUESTS = 300
MARKS = {"nginx": "proxy_pass", "caddy": "reverse_proxy", "haproxy": "default_backend",
         "apache2": "ProxyPass "}
# What marks the rule about a path, and before what it goes.
RULES = {"nginx": ("location ~", "  location / {"), "caddy": ("path_regexp", "  reverse_proxy"),
         "haproxy": ("path,url_dec", "  default_backend")}
# How a proxy says who its client is: keys of the server, and what its configuration has behind the
# upstream, beside what the document has.
BY_HEADERS = ("which names its clients", "", "")
# The server has TLS, too: {folder} has its certificate.
SEALED = "tls-port: 0\ntls-certificate: {folder}/cert.pem\ntls-key: {folder}/key.pem\n"
TO_SEALED = f" ssl verify required ca-file {{folder}}/cert.pem sni str({HOST}) alpn http/1.1"
CLIENTS = {
    "nginx": [BY_HEADERS],
    "caddy": [BY_HEADERS],
    "haproxy": [BY_HEADERS, ("with the PROXY protocol", "proxy-protocol: on\n",
                             " send-proxy-v2-ssl check check-send-proxy"),
                ("to TLS", SEALED, TO_SEALED),
                ("with the PROXY protocol to TLS", SEALED + "proxy-protocol: on\n",
                 f"{TO_SEALED} send-proxy-v2-ssl check check-send-proxy")],
    "apache2": [BY_HEADERS],
}
APACHE_MODULES = "/usr/lib/apache2/modules"


def main():
    document, binary, missing_len, *proxies = sys.argv[1:]
    text = Path(document).read_text()
    blocks = re.findall(r"^```\w+\n(.*?)^```$", text, re.M | re.S)
    # Of each proxy, the line of its configuration that names the upstream, and the one for a Unix
    # socket.
    rows = re.findall(r"^\| (\w+) \| `(.*?)` \| `(.*?)` \|$", text, re.M)
    over_unix = {name: [line.replace(r"\|", "|") for line in lines] for name, *lines in rows}
    results = []
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        folder = Path(folder)
        certificate(folder)
        port = stack.enter_context(switchboard(binary, folder))
        results.append(check("without a proxy", lambda: alone(port)))
        for proxy in proxies:
            found = [block for block in blocks if MARKS[proxy] in block]
            assert len(found) == 1, f"the document has {len(found)} configurations for {proxy}"
            results.append(check(proxy, lambda: behind(proxy, found[0], port, folder)))
            over = replaced(found[0], *over_unix[proxy])
            results.append(check(f"{proxy}, to a Unix socket",
                                 lambda: behind(proxy, over, port, folder)))
            for how, lines, more in CLIENTS[proxy]:
                lines, more = (text.format(folder=folder) for text in (lines, more))
                config = replaced(found[0], UPSTREAM, UPSTREAM + more)
                results.append(check(f"{proxy}, {how}",
                                     lambda: named(proxy, config, binary, lines, folder)))
            if proxy in RULES:
                mark, before = RULES[proxy]
                rule, = [block for block in blocks if mark in block]
                ruled = replaced(found[0], before, rule + before)
                results.append(check(f"{proxy}, with a rule about a path",
                                     lambda: denied(proxy, ruled, port, folder)))
            if proxy in FORWARDS:
                bare, changes = re.subn(*FORWARDS[proxy], found[0], flags=re.M)
                assert changes == 1, f"{proxy} says in one line that it forwards"
                results.append(check(f"{proxy}, without its header",
                                     lambda: unmarked(proxy, bare, port, folder)))
            if proxy in LIMITS:
                results.append(check(f"{proxy}, its limits of sockets",
                                     lambda: sockets_limited(proxy, found[0], port, folder)))
                results.append(check(f"{proxy}, its limits of requests",
                                     lambda: requests_limited(proxy, found[0], port, folder)))
            if proxy == "caddy":
                results.append(check("caddy, without limits", caddy_has_none))
            if proxy == "nginx":
                for name, bare in defaults(found[0]):
                    results.append(check(name, lambda: old(bare, port, folder)))
    print(f"{results.count(True)} passed, {results.count(False)} failed, {missing_len} skipped")
    return 0 if all(results) else 1


def check(name, body):
    try:
        body()
    except Exception as error:  # whatever it is, the others are tried as well
        print(f"FAILED  {name}\n        {type(error).__name__}: {error}")
        return False
    print(f"ok      {name}")
    return True


# The assertions.


def alone(port):
    """The rule is there: nobody who only knows the name gets in."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as stream:
        expect(421, handshake(stream, OWN)[0], "a handshake")
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as stream:
        expect(421, get(stream, "/file.txt")[0], "a file")


def behind(proxy, config, upstream, folder):
    with running(proxy, config, upstream, folder) as connect:
        with connect() as stream:
            status, text = handshake(stream, OWN)
            expect(101, status, f"a handshake: {text}")
            for payload in (b"", b"here", bytes(range(256)) * 100):
                assert echo(stream, payload) == payload, f"the echo of {len(payload)} bytes"
        for origin, status in ((f"{OWN}:443", 101), (None, 101), ("https://evil.example", 403),
                               ("null", 403)):
            with connect() as stream:
                expect(status, handshake(stream, origin)[0], f"a handshake from {origin}")
        with connect() as stream:
            # What a client makes up is replaced.
            spoof = ["X-Forwarded-For: 203.0.113.66"]
            expect(101, handshake(stream, OWN, "/forwarded", spoof)[0], "a handshake")
            expect(b"127.0.0.1", message(stream, 0x81), "the address of the client")
        for path, status in (("/file.txt", 200), ("/echo", 426), ("/none", 404)):
            with connect() as stream:
                expect(status, get(stream, path)[0], f"GET {path}")


def named(proxy, config, binary, lines, folder):
    """The server knows a client by its own address, whatever that says of itself."""
    with tempfile.TemporaryDirectory() as own, contextlib.ExitStack() as stack:
        lines = f"trusted-proxy: 127.0.0.1\n{lines}"
        upstream = stack.enter_context(switchboard(binary, Path(own), lines))
        connect = stack.enter_context(running(proxy, config, upstream, folder))
        for source in ("127.0.0.7", "127.0.0.8"):
            with connect(source) as stream:
                spoof = ["X-Forwarded-For: 203.0.113.66", "X-Forwarded-Proto: http"]
                expect(101, handshake(stream, OWN, "/client", spoof)[0], "a handshake")
                expect(f"{source} on".encode(), message(stream, 0x81), "who the client is")
        # The page has come without TLS.
        with connect() as stream:
            expect(403, handshake(stream, f"http://{HOST}")[0], "a handshake from another origin")


def sockets_limited(proxy, config, upstream, folder):
    """A client gets so many sockets and none more, until one of them has gone."""
    sockets_max, refused, _ = LIMITS[proxy]
    with running(proxy, config, upstream, folder) as connect, contextlib.ExitStack() as stack:
        # The connection that has found the proxy may count for another moment.
        sockets = [stack.enter_context(opened(connect)) for _ in range(sockets_max)]
        expect(refused, status_of_one_more(connect), "a handshake beyond the limit")
        for stream in sockets:
            expect(b"here", echo(stream, b"here"), "the echo of a socket within it")
        sockets[0].close()
        stack.enter_context(opened(connect))


def opened(connect):
    """A socket, as soon as the proxy gives one."""
    end = time.monotonic() + DEADLINE_S
    while True:
        with contextlib.suppress(OSError, AssertionError):
            stream = connect()
            if handshake(stream, OWN)[0] == 101:
                return stream
            stream.close()
        assert time.monotonic() < end, "no socket is open any more"


def status_of_one_more(connect):
    """Of a handshake; none if the connection is closed instead."""
    try:
        with connect() as stream:
            return handshake(stream, OWN)[0]
    except OSError:
        return None


def requests_limited(proxy, config, upstream, folder):
    """Of many requests at once, some are answered and the others refused."""
    _, _, refused = LIMITS[proxy]
    with running(proxy, config, upstream, folder) as connect, connect() as stream:
        stream.sendall(f"GET /none HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode() * REQUESTS)
        text, wanted = b"", re.compile(rb"^HTTP/1\.1 (\d+) ", re.M)
        while len(statuses := wanted.findall(text)) < REQUESTS and (more := stream.recv(65_536)):
            text += more
        found = {int(status) for status in statuses}
        assert found == {404, refused}, f"{found} of {len(statuses)} requests"


def caddy_has_none():
    """As the document says: the standard build has no module that limits clients."""
    modules = subprocess.run(["caddy", "list-modules"], capture_output=True, text=True, check=True)
    assert "http.handlers.reverse_proxy" in modules.stdout, modules.stdout
    limits = [name for name in modules.stdout.split() if "limit" in name]
    assert not limits, limits


def denied(proxy, config, upstream, folder):
    """All spellings of a path are denied, and nothing else."""
    with running(proxy, config, upstream, folder) as connect:
        for path, status in (("/dir/secret", 403), ("/dir/secret.sh", 403), ("/link/secret", 403),
                             ("/link/secret.sh", 403), ("/dir/s%65cret", 403),
                             ("/dir/secret/more", 403), ("/dir/secret%2Esh", 403),
                             ("/dir/secrets", 101), ("/echo", 101)):
            with connect() as stream:
                expect(status, handshake(stream, OWN, path)[0], f"a handshake of {path}")


def unmarked(proxy, config, upstream, folder):
    with running(proxy, config, upstream, folder) as connect:
        with connect() as stream:
            expect(421, handshake(stream, OWN)[0], "a handshake")
        with connect() as stream:
            expect(421, get(stream, "/file.txt")[0], "a file")


def old(config, upstream, folder):
    """HTTP/1.0, with the upstream as the Host and no header of a proxy: the server lives."""
    with running("nginx", config, upstream, folder) as connect:
        for path, status in (("/file.txt", 200), ("/health", 200), ("/none", 404)):
            with connect() as stream:
                expect(status, get(stream, path)[0], f"GET {path}")
        with connect() as stream:
            expect(426, handshake(stream, OWN)[0], "a handshake")


def expect(wanted, found, what):
    assert found == wanted, f"{what}: {found}, and not {wanted}"


# The server and the proxies.


@contextlib.contextmanager
def switchboard(binary, folder, lines=""):
    # Workers of a proxy are other users, who have to get to the Unix socket.
    folder.chmod(0o711)
    (folder / "static").mkdir()
    (folder / "static/file.txt").write_text("a file")
    (folder / "server.conf").write_text("[server]\nport: 0\nstatic-root: static\n"
                                        "unix-socket: chat.sock\nunix-socket-mode: 0666\n"
                                        "health-path: /health\n"
                                        f"mode: per-socket\n{lines}")
    (folder / "services").mkdir()
    program = folder / "services/forwarded"
    program.write_text('#!/bin/sh\necho "$HTTP_X_FORWARDED_FOR"\nexec cat\n')
    program.chmod(0o755)
    client = folder / "services/client"
    client.write_text('#!/bin/sh\necho "$REMOTE_ADDR ${HTTPS-none}"\nexec cat\n')
    client.chmod(0o755)
    (folder / "services/dir").mkdir()
    (folder / "services/link").symlink_to("dir")
    for name in ("secret.sh", "secrets.sh"):
        shutil.copy(program, folder / "services/dir" / name)
    with child([binary], folder, "switchboard", stdout=subprocess.PIPE) as server:
        scheme = b"https" if "tls-port" in lines else b"http"
        line = rb"listening on " + scheme + rb"://127\.0\.0\.1:(\d+)"
        said = b""
        while not (found := re.search(line, said)):
            assert select.select([server.stdout], [], [], DEADLINE_S)[0], "it says where it listens"
            more = os.read(server.stdout.fileno(), 4096)
            assert more, f"the server has ended: {said}"
            said += more
        yield int(found[1])


@contextlib.contextmanager
def running(proxy, config, upstream, folder):
    """A proxy with a configuration of the document; what it yields connects to it."""
    port = free_port()
    with child(*localized(proxy, config, upstream, port, folder), folder, proxy) as server:
        context = ssl.create_default_context(cafile=folder / "cert.pem")
        context.set_alpn_protocols(["http/1.1"])

        def connect(source="127.0.0.1"):
            stream = socket.create_connection(("127.0.0.1", port), DEADLINE_S, (source, 0))
            return context.wrap_socket(stream, server_hostname=HOST)

        end = time.monotonic() + DEADLINE_S
        while True:
            try:
                connect().close()
                break
            except OSError as error:
                log = (folder / f"{proxy}.log").read_text(errors="replace")
                assert server.poll() is None, f"{proxy} has ended: {log}"
                assert time.monotonic() < end, f"{proxy} does not listen: {error}, {log}"
                time.sleep(0.02)
        yield connect


def localized(proxy, config, upstream, port, folder):
    """The command that runs a proxy with a configuration."""
    cert, key, pem = (folder / name for name in ("cert.pem", "key.pem", "both.pem"))
    both = {UPSTREAM: f"127.0.0.1:{upstream}", UNIX_UPSTREAM: f"{folder}/chat.sock"}
    named = [name for name in both if name in config]
    assert len(named) == 1, f"the configuration of {proxy} names one of {list(both)}"
    config = config.replace(named[0], both[named[0]])
    file = folder / f"{proxy}.conf"
    if proxy == "nginx":
        config = replaced(config, "listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
        config = replaced(config, f"/etc/ssl/{HOST}.pem", cert)
        config = replaced(config, f"/etc/ssl/private/{HOST}.key", key)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        paths = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
        file.write_text(f"daemon off;\npid {folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
                        f"http {{\naccess_log off;\n{paths}{config}}}\n")
        return [["nginx", "-e", "stderr", "-p", folder, "-c", file]]
    if proxy == "caddy":
        config = replaced(config, f"{HOST} {{", f"{HOST}:{port} {{\n  bind 127.0.0.1\n"
                          f"  tls {cert} {key}")
        file.write_text(f"{{\n  admin off\n  auto_https disable_redirects\n}}\n{config}")
        return [["caddy", "run", "--config", file, "--adapter", "caddyfile"]]
    if proxy == "apache2":
        config = replaced(config, "*:443", f"127.0.0.1:{port}")
        config = replaced(config, f"/etc/ssl/{HOST}.pem", cert)
        config = replaced(config, f"/etc/ssl/private/{HOST}.key", key)
        names = ("mpm_event", "authz_core", "ssl", "headers", "proxy", "proxy_http")
        modules = "".join(f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n"
                          for name in names)
        # Root has it serve as somebody else.
        user = "User nobody\nGroup nogroup\n" if os.geteuid() == 0 else ""
        file.write_text(f"ServerName {HOST}\nServerRoot {folder}\nPidFile {folder}/apache2.pid\n"
                        f"ErrorLog /dev/stderr\n{modules}{user}Listen 127.0.0.1:{port}\n{config}")
        return [["apache2", "-D", "FOREGROUND", "-f", file]]
    config = replaced(config, "bind :443", f"bind 127.0.0.1:{port}")
    config = replaced(config, f"/etc/ssl/private/{HOST}.pem", pem)
    file.write_text(config)
    return [["haproxy", "-db", "-f", file]]


def defaults(config):
    """nginx without a line on what it passes on. Since 1.29.7 HTTP/1.0 has to be named."""
    bare = re.sub(r"^ *proxy_set_header.*\n", "", config, flags=re.M)
    bare = replaced(bare, "proxy_http_version 1.1", "proxy_http_version 1.0")
    yield "nginx, with its old defaults", bare
    named = replaced(bare, f"proxy_pass http://{UPSTREAM}", "proxy_pass http://backend")
    yield ("nginx, with its old defaults and a named upstream",
           f"upstream backend {{ server {UPSTREAM}; }}\n{named}")


def replaced(config, text, instead):
    assert config.count(text) == 1, f"{text!r} is there {config.count(text)} times: {config}"
    return config.replace(text, str(instead))


@contextlib.contextmanager
def child(command, folder, name, **options):
    own = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with open(folder / f"{name}.log", "wb") as log:
        options = {"stdout": log, "stderr": log, **options}
        process = subprocess.Popen(command, cwd=folder, env={**os.environ, **own}, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}",
                    "-keyout", "key.pem", "-out", "cert.pem"],
                   cwd=folder, check=True, capture_output=True)
    both = (folder / "cert.pem").read_bytes() + (folder / "key.pem").read_bytes()
    (folder / "both.pem").write_bytes(both)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


# The client.


def handshake(stream, origin, path="/echo", more=()):
    key = base64.b64encode(os.urandom(16)).decode()
    lines = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
             f"Sec-WebSocket-Key: {key}"]
    origin_line = [f"Origin: {origin}"] if origin else []
    return get(stream, path, [*lines, *origin_line, *more])


def get(stream, path, lines=()):
    head = "\r\n".join([f"GET {path} HTTP/1.1", f"Host: {HOST}", *lines, "", ""])
    stream.sendall(head.encode())
    text = b""
    while b"\r\n\r\n" not in text:
        # One at a time: what follows a 101 is not the head's.
        text += exactly(stream, 1)
    return int(text.split(b" ")[1]), text.decode(errors="replace")


def echo(stream, payload):
    """What a binary message in one masked frame comes back as."""
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    size = len(payload)
    length = bytes([128 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    stream.sendall(b"\x82" + length + mask + masked)
    return message(stream, 0x82)


def message(stream, wanted):
    """The payload of a frame that begins with this byte."""
    first, size = exactly(stream, 2)
    assert first == wanted, f"the frame begins with {first:#x}"
    if size == 126:
        size = int.from_bytes(exactly(stream, 2), "big")
    return exactly(stream, size)


def exactly(stream, size):
    data = b""
    while len(data) < size:
        more = stream.recv(size - len(data))
        assert more, f"the connection ends after {data!r}"
        data += more
    return data


sys.exit(main())
