"""The cases of groups 12 and 13, permessage-deflate, by a client of our own.

For those that kosoku cannot run. Each case is that of the Autobahn|Testsuite 25.10.1: the same
offers, the same slices of the same files, cut into the same fragments, in the same time. A message
is sent when the echo of the one before has come. Both directions keep their context between
messages unless the answer to the offer says otherwise, and zlib inflates with exactly the window
that was agreed. A case is OK if each echo is what was sent, and the server answers the close with
1000, and then ends the connection.
"""
import base64, hashlib, os, socket, struct, time, urllib.parse, zlib

MESSAGES = 1000
# Characters of a message, seconds for the case, and bytes of a fragment at most (0: one frame).
SIZES = [
    (16, 60, 0), (64, 60, 0), (256, 120, 0), (1024, 240, 0), (4096, 480, 0),
    (8192, 480, 0), (16384, 480, 0), (32768, 480, 0), (65536, 480, 0), (131072, 480, 0),
    (8192, 480, 256), (16384, 480, 256), (32768, 480, 256), (65536, 480, 256), (131072, 480, 256),
    (131072, 480, 1024), (131072, 480, 4096), (131072, 480, 32768),
]
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
# Group 12 sends each of these with the first of the offers, and group 13 the first of these with
# each list of offers.
DATA = [("data1.json", TEXT), ("lena512.bmp", BINARY), ("pg2229.txt", BINARY),
        ("data1.html", TEXT), ("10.1.1.105.5439.pdf", BINARY)]
# What an offer asks of the server: to forget its context, and a window of so many bits.
OFFERS = [[(False, 0)], [(True, 0)], [(False, 9)], [(False, 15)], [(True, 9)], [(True, 15)],
          [(True, 9), (True, 0), (False, 0)]]


def run(case, url, folder):
    """How the case ended: OK, or FAILED with the reason. The folder has the files of DATA."""
    group, subgroup, number = map(int, case.split("."))
    file, opcode = DATA[subgroup - 1 if group == 12 else 0]
    offers = OFFERS[subgroup - 1 if group == 13 else 0]
    length, seconds, fragment_bytes = SIZES[number - 1]
    with open(os.path.join(folder, file), "rb") as opened:
        data = opened.read()
    if opcode == TEXT:
        data = data.decode()   # Slices of a text are counted in characters.
    deadline = time.monotonic() + seconds
    try:
        with Client(url, offers, seconds) as client:
            for count, message in enumerate(slices(data, length), 1):
                payload = message.encode() if opcode == TEXT else message
                client.send(opcode, payload, fragment_bytes)
                if client.receive() != (opcode, payload):
                    return f"FAILED, echo {count} differs"
                if time.monotonic() > deadline:
                    return f"FAILED, {count} echoes in {seconds} s"
            client.close()
    except (Fault, OSError, zlib.error) as error:
        return f"FAILED, {error}"
    return "OK"


def slices(data, length):
    """Each begins where the one before ended, around and around."""
    begin = 0
    for _ in range(MESSAGES):
        end = (begin + length) % len(data)
        yield data[begin:end] if end > begin else data[begin:] + data[:end]
        begin = end


class Fault(Exception):
    """What the server should not have done."""


class Client:
    def __init__(self, url, offers, seconds):
        address = urllib.parse.urlsplit(url)
        # No single wait is longer than the whole case may last.
        self.socket = socket.create_connection((address.hostname, address.port or 80), seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.socket.makefile("rb", 1 << 18)
        try:
            agreed = self.handshake(address, offers)
        except Exception:
            self.__exit__()
            raise
        self.forgets = "client_no_context_takeover" in agreed
        self.server_forgets = "server_no_context_takeover" in agreed
        self.window_bits = int(agreed.get("client_max_window_bits", 15))
        self.server_window_bits = int(agreed.get("server_max_window_bits", 15))
        self.deflater = self.inflater = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.socket.close()

    def handshake(self, address, offers):
        """The parameters of permessage-deflate as the server has agreed to them."""
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall("\r\n".join([
            f"GET {address.path or '/'} HTTP/1.1", f"Host: {address.netloc}",
            "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}",
            f"Sec-WebSocket-Extensions: {', '.join(map(offer_text, offers))}", "\r\n"]).encode())
        status = self.stream.readline().decode()
        fields = {}
        while line := self.stream.readline().decode().strip():
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        accept = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
        if fields.get("sec-websocket-accept") != base64.b64encode(accept).decode():
            raise Fault(f"the handshake was answered with {status.strip()!r}")
        name, *parameters = fields.get("sec-websocket-extensions", "").split(";")
        agreed = dict(part.strip().partition("=")[::2] for part in parameters)
        known = {"client_no_context_takeover", "client_max_window_bits",
                 "server_no_context_takeover", "server_max_window_bits"}
        if name != "permessage-deflate" or not agreed.keys() <= known:
            raise Fault(f"the extensions are {fields.get('sec-websocket-extensions')!r}")
        # RFC 7692, 7.1: who accepts an offer does what it asks, and says so.
        bits = int(agreed.get("server_max_window_bits", 15))
        if not any((not forget or "server_no_context_takeover" in agreed)
                   and (not limit or "server_max_window_bits" in agreed and bits <= limit)
                   for forget, limit in offers):
            raise Fault(f"no offer was like the answer, {agreed}")
        return agreed

    def send(self, opcode, payload, fragment_bytes):
        if self.deflater is None or self.forgets:
            self.deflater = zlib.compressobj(wbits=-self.window_bits)
        # RFC 7692, 7.2.1: the empty block at the end is left out.
        data = (self.deflater.compress(payload) + self.deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]
        size = fragment_bytes if 0 < fragment_bytes < len(data) else len(data) + 1
        # As in the original, data that fills its last fragment has an empty one behind it.
        begins = range(0, len(data) + 1, size)
        self.socket.sendall(b"".join(
            frame(0x80 * (begin == begins[-1]) | (0x40 | opcode if begin == 0 else CONTINUATION),
                  data[begin:begin + size])
            for begin in begins))

    def receive(self):
        """The opcode and the payload of a message."""
        first, data = self.read_frame()
        final, compressed, opcode = first & 0x80, first & 0x40, first & 0x0F
        if opcode not in (TEXT, BINARY):
            raise Fault(f"opcode {opcode:#x} where a message begins, {data!r}")
        while not final:
            first, more = self.read_frame()
            if first & 0x7F != CONTINUATION:
                raise Fault(f"a frame with {first:#04x} within a message")
            final, data = first & 0x80, data + more
        if not compressed:
            return opcode, data
        if self.inflater is None or self.server_forgets:
            self.inflater = zlib.decompressobj(-self.server_window_bits)
        return opcode, self.inflater.decompress(data + b"\0\0\xff\xff")

    def close(self):
        self.socket.sendall(frame(0x80 | CLOSE, struct.pack(">H", 1000)))
        first, data = self.read_frame()
        if (first, data) != (0x80 | CLOSE, struct.pack(">H", 1000)):
            raise Fault(f"the close was answered with {first:#04x} {data!r}")
        # RFC 6455, 7.1.1: the server closes the connection first.
        if self.stream.read(1):
            raise Fault("there is something behind the close")

    def read_frame(self):
        """The first byte and the payload of a frame; pings are answered."""
        first, length = self.read(2)
        if first & 0x30 or length & 0x80:
            raise Fault(f"a frame that begins with {first:#04x} {length:#04x}")
        if length > 125:
            length = int.from_bytes(self.read(2 if length == 126 else 8), "big")
        payload = self.read(length)
        if first == 0x80 | PING:
            self.socket.sendall(frame(0x80 | PONG, payload))
            return self.read_frame()
        return first, payload

    def read(self, length):
        data = self.stream.read(length)
        if len(data) < length:
            raise Fault("the connection ended without a close")
        return data


def offer_text(offer):
    forget, window_bits = offer
    return ("permessage-deflate; client_no_context_takeover; client_max_window_bits"
            + "; server_no_context_takeover" * forget
            + f"; server_max_window_bits={window_bits}" * (window_bits > 0))


def frame(first, payload):
    """A frame with a masking key."""
    length, key = len(payload), os.urandom(4)
    if length < 126:
        head = struct.pack(">BB", first, 0x80 | length)
    elif length < 1 << 16:
        head = struct.pack(">BBH", first, 0x80 | 126, length)
    else:
        head = struct.pack(">BBQ", first, 0x80 | 127, length)
    mask = int.from_bytes((key * (length // 4 + 1))[:length], "big")
    return head + key + (int.from_bytes(payload, "big") ^ mask).to_bytes(length, "big")
