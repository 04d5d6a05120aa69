// Checks a server with java.net.http.WebSocket of the JDK, which nobody here wrote.
//
//     java tests/clients/JavaClient.java ws://127.0.0.1:PORT
//
// Expects the services that python_client.py describes, but for /deflate, since it does not
// compress. Prints a line per check, and last "N passed, N failed"; the exit status is 1 if one
// failed.

import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.net.http.WebSocketHandshakeException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

public class JavaClient {
    // For each wait, however slow the machine is.
    static final int DEADLINE_SECONDS = 120;
    static final int MESSAGE_BYTES_MAX = 2 << 20;
    // Around the lengths where the frame header takes another form.
    static final int[] SIZES = {0, 1, 125, 126, 127, 65_535, 65_536, 1 << 20, MESSAGE_BYTES_MAX};
    // One to four bytes per character.
    static final String UNICODE = "a\u00e9\u20ac\u4e16\ud83d\ude00";
    static final HttpClient HTTP = HttpClient.newHttpClient();

    static String base;

    interface Check {
        void run() throws Exception;
    }

    /** A socket, and what it has got: texts, byte arrays, pongs, and the close at last. */
    static class Client implements WebSocket.Listener {
        final BlockingQueue<Object> seen = new LinkedBlockingQueue<>();
        final StringBuilder text = new StringBuilder();
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        final WebSocket socket;

        Client(String path, String... protocols) throws Exception {
            var builder = HTTP.newWebSocketBuilder();
            if (protocols.length > 0) {
                var others = Arrays.copyOfRange(protocols, 1, protocols.length);
                builder.subprotocols(protocols[0], others);
            }
            socket = await(builder.buildAsync(URI.create(base + path), this));
        }

        @Override
        public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
            text.append(data);
            if (last) {
                seen.add(text.toString());
                text.setLength(0);
            }
            socket.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onBinary(WebSocket socket, ByteBuffer data, boolean last) {
            bytes.writeBytes(taken(data));
            if (last) {
                seen.add(bytes.toByteArray());
                bytes.reset();
            }
            socket.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onPong(WebSocket socket, ByteBuffer data) {
            seen.add("pong " + new String(taken(data)));
            socket.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
            seen.add("close " + code + " " + reason);
            return null;
        }

        @Override
        public void onError(WebSocket socket, Throwable error) {
            seen.add(error);
        }

        void send(Object message) throws Exception {
            if (message instanceof String text) {
                await(socket.sendText(text, true));
            } else {
                await(socket.sendBinary(ByteBuffer.wrap((byte[]) message), true));
            }
        }

        void expect(Object wanted) throws Exception {
            var found = seen.poll(DEADLINE_SECONDS, TimeUnit.SECONDS);
            var isWanted = found instanceof byte[] bytes && wanted instanceof byte[] others
                ? Arrays.equals(bytes, others)
                : wanted.equals(found);
            if (!isWanted) {
                throw new Exception(shortened(found) + " instead of " + shortened(wanted));
            }
        }
    }

    static <T> T await(CompletableFuture<T> future) throws Exception {
        return future.get(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    static byte[] taken(ByteBuffer data) {
        var bytes = new byte[data.remaining()];
        data.get(bytes);
        return bytes;
    }

    static String shortened(Object value) {
        var text = value instanceof byte[] bytes ? bytes.length + " bytes" : String.valueOf(value);
        return text.length() <= 80 ? text : text.substring(0, 60) + "... of " + text.length();
    }

    static byte[] pattern(int size) {
        var bytes = new byte[size];
        for (int n = 0; n < size; n++) bytes[n] = (byte) (n % 251);
        return bytes;
    }

    static void echoes(Object... messages) throws Exception {
        var client = new Client("/echo");
        for (var message : messages) client.send(message);
        for (var message : messages) client.expect(message);
        client.socket.abort();
    }

    static void fragments() throws Exception {
        var client = new Client("/echo");
        await(client.socket.sendText("one, ", false));
        await(client.socket.sendPing(ByteBuffer.wrap("between".getBytes())));
        client.expect("pong between");
        await(client.socket.sendText("", false));
        await(client.socket.sendText(UNICODE, true));
        client.expect("one, " + UNICODE);
        for (int n = 0; n < 100; n++) {
            await(client.socket.sendBinary(ByteBuffer.wrap(new byte[] {(byte) n}), n == 99));
        }
        client.expect(pattern(100));
        client.socket.abort();
    }

    static void ping(String payload) throws Exception {
        var client = new Client("/echo");
        await(client.socket.sendPing(ByteBuffer.wrap(payload.getBytes())));
        client.expect("pong " + payload);
        client.socket.abort();
    }

    static void closesFromHere(int code, String reason) throws Exception {
        var client = new Client("/echo");
        await(client.socket.sendClose(code, reason));
        // The server repeats both.
        client.expect("close " + code + " " + reason);
    }

    static void closesFromThere(int code, String reason) throws Exception {
        var client = new Client("/close");
        client.send(code + " " + reason);
        client.expect("close " + code + " " + reason);
    }

    static void tooLongMessage() throws Exception {
        var client = new Client("/echo");
        // The server need not read all of it before it closes.
        client.socket.sendBinary(ByteBuffer.wrap(new byte[MESSAGE_BYTES_MAX + 1]), true);
        var found = String.valueOf(client.seen.poll(DEADLINE_SECONDS, TimeUnit.SECONDS));
        if (!found.startsWith("close 1009")) throw new Exception(found + " instead of a close");
    }

    static void subprotocol(String wanted, String... offer) throws Exception {
        var client = new Client("/protocol", offer);
        var found = client.socket.getSubprotocol();
        if (!found.equals(wanted)) throw new Exception("the subprotocol is " + found);
        client.socket.abort();
    }

    static void refuses(String path, int status) throws Exception {
        try {
            new Client(path);
        } catch (ExecutionException failed) {
            if (failed.getCause() instanceof WebSocketHandshakeException refused) {
                var found = refused.getResponse().statusCode();
                if (found != status) throw new Exception("the status is " + found);
                return;
            }
            throw failed;
        }
        throw new Exception("the socket opened");
    }

    static Map<String, Check> checks() {
        var checks = new LinkedHashMap<String, Check>();
        for (var size : SIZES) {
            checks.put("text of " + size + " bytes", () -> echoes("t".repeat(size)));
            checks.put("binary of " + size + " bytes", () -> echoes(pattern(size)));
        }
        checks.put("text of many alphabets", () -> echoes(UNICODE.repeat(1000)));
        checks.put("fragments, and a ping between them", () -> fragments());
        var inFlight = new Object[200];
        for (int n = 0; n < 200; n++) inFlight[n] = n % 2 == 0 ? pattern(n) : "x".repeat(n);
        checks.put("200 messages in flight", () -> echoes(inFlight));
        checks.put("ping without payload", () -> ping(""));
        checks.put("ping with 125 bytes", () -> ping("p".repeat(125)));
        var reasons = Map.of(1000, "done", 4001, "so long", 4999, "\u00e9".repeat(61) + "!");
        reasons.forEach((code, reason) -> {
            checks.put("close with " + code, () -> closesFromHere(code, reason));
            checks.put("closed with " + code, () -> closesFromThere(code, reason));
        });
        checks.put("subprotocol in common", () -> subprotocol("chat.v1", "nonsense", "chat.v1"));
        checks.put("no subprotocol in common", () -> subprotocol("", "nonsense"));
        checks.put("refused with 403", () -> refuses("/private", 403));
        checks.put("not found", () -> refuses("/nowhere", 404));
        checks.put("too long a message", () -> tooLongMessage());
        return checks;
    }

    public static void main(String[] arguments) {
        base = arguments[0].replaceAll("/$", "");
        var checks = checks();
        int failed = 0;
        for (var check : checks.entrySet()) {
            try {
                check.getValue().run();
                System.out.println("ok " + check.getKey());
            } catch (Exception error) {
                failed++;
                System.out.println("FAILED " + check.getKey() + ": " + error);
            }
        }
        System.out.println(checks.size() - failed + " passed, " + failed + " failed");
        // The threads of the client would keep the process alive.
        System.exit(failed > 0 ? 1 : 0);
    }
}
