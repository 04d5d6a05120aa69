// Checks a server with the Node package ws, which nobody here wrote.
//
//     node tests/clients/node_client.mjs ws://127.0.0.1:PORT [deflate]
//
// Expects the services that python_client.py describes. Prints a line per check, and last
// "N passed, N failed"; the exit status is 1 if one failed.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { on, once } from "node:events";
import { text } from "node:stream/consumers";
import WebSocket from "ws";
import {
  LONG_REASON, MESSAGE_BYTES_MAX, SIZES, UNICODE, bytes, equal, inFlight, run,
} from "./checks.mjs";

const BASE = process.argv[2].replace(/\/$/, "");

// A socket from its first moment on: what arrives between two waits is kept for the next one.
class Client {
  constructor(path, protocols = [], options = {}) {
    const socket = new WebSocket(BASE + path, protocols, { perMessageDeflate: false, ...options });
    this.socket = socket;
    this.messages = on(socket, "message", { close: ["close"] });
    this.closed = new Promise((resolve) => socket.addEventListener("close", resolve));
    // Waits for events fail by themselves. An error that nobody waits for shows as a close.
    socket.on("error", () => {});
    Client.all.push(this);
  }

  static all = [];

  static async open(...options) {
    const client = new Client(...options);
    await once(client.socket, "open");
    return client;
  }

  send(message, options = {}) {
    this.socket.send(message, options);
  }

  async receive(wanted) {
    const { done, value } = await this.messages.next();
    assert(!done, "closed instead of a message");
    const [data, isBinary] = value;
    equal(isBinary ? data : String(data), wanted, "the message");
  }
}

async function echoes(message) {
  const client = await Client.open("/echo");
  client.send(message);
  await client.receive(message);
}

async function fragments(message, parts) {
  const client = await Client.open("/echo");
  const binary = Buffer.isBuffer(message);
  parts.forEach((part, n) => client.send(part, { binary, fin: n === parts.length - 1 }));
  await client.receive(message);
}

async function pingBetweenFragments() {
  const client = await Client.open("/echo");
  client.send("before", { fin: false });
  client.socket.ping("between");
  await once(client.socket, "pong");
  client.send(" and after", { fin: true });
  await client.receive("before and after");
}

async function order() {
  const client = await Client.open("/echo");
  const messages = inFlight();
  messages.forEach((message) => client.send(message));
  for (const message of messages) await client.receive(message);
}

async function ping(payload) {
  const { socket } = await Client.open("/echo");
  socket.ping(payload);
  const [answer] = await once(socket, "pong");
  equal(answer, payload, "the pong");
}

async function closesFromHere(...close) {
  const client = await Client.open("/echo");
  client.socket.close(...close);
  const { code, wasClean } = await client.closed;
  // What ws reports for a close frame without a code, and never for a lost connection.
  equal(code, close[0] ?? 1005, "the answer's code");
  assert(wasClean, "the closing handshake is not complete");
}

async function closesFromThere(code, reason) {
  const client = await Client.open("/close");
  client.send(`${code} ${reason}`);
  const closed = await client.closed;
  equal(closed.code, code, "the code");
  equal(closed.reason, reason, "the reason");
  assert(closed.wasClean, "the closing handshake is not complete");
}

async function compresses(offer) {
  const perMessageDeflate = { threshold: 0, ...offer };
  const client = await Client.open("/deflate", [], { perMessageDeflate });
  assert.match(client.socket.extensions, /permessage-deflate/);
  for (let number = 0; number < 20; number += 1) {
    const message = `${number} ${UNICODE} `.repeat(7 ** (number % 5));
    client.send(message);
    await client.receive(message);
    client.send(Buffer.from(message));
    await client.receive(Buffer.from(message));
    client.send("short", { compress: false });
    await client.receive("short");
  }
  // What cannot be compressed comes back as it is, and leaves nothing behind.
  for (const length of [48_000, 48_000, 500_000]) {
    const noise = randomBytes(length);
    client.send(noise);
    await client.receive(noise);
  }
  const last = UNICODE.repeat(100);
  client.send(last);
  await client.receive(last);
}

async function declinesCompression() {
  let offer;
  const finishRequest = (request) => {
    offer = request.getHeader("Sec-WebSocket-Extensions");
    request.end();
  };
  const client = await Client.open("/echo", [], { perMessageDeflate: true, finishRequest });
  assert.match(offer, /permessage-deflate/);
  equal(client.socket.extensions, "", "the agreement");
  client.send(UNICODE);
  await client.receive(UNICODE);
}

async function subprotocol() {
  const { socket } = await Client.open("/protocol", ["nonsense", "chat.v1"]);
  equal(socket.protocol, "chat.v1", "the subprotocol");
}

async function noSubprotocol() {
  const { socket } = new Client("/protocol", ["nonsense"]);
  // The server opens the socket all the same; it is ws that gives up when it sees no agreement.
  const [response] = await once(socket, "upgrade");
  equal(response.statusCode, 101, "the status");
  equal(response.headers["sec-websocket-protocol"], undefined, "the subprotocol");
}

async function refuses(path, status, body) {
  const { socket } = new Client(path);
  const opened = once(socket, "open").then(() => assert.fail("the socket opened"));
  const [, response] = await Promise.race([once(socket, "unexpected-response"), opened]);
  equal(response.statusCode, status, "the status");
  const found = (await text(response)).trim();
  assert(found, "there is no body");
  if (body) equal(found, body, "the body");
}

async function tooLongMessage(...parts) {
  const client = await Client.open("/echo");
  parts.forEach((part, n) => client.send(part, { fin: n === parts.length - 1 }));
  const { code } = await client.closed;
  equal(code, 1009, "the code");
}

const megabyte = Buffer.alloc(1 << 20, "m");
const single = (message) => Array.from(message, (byte) => Buffer.of(byte));

const checks = [
  ...SIZES.map((size) => [`text of ${size} bytes`, () => echoes("t".repeat(size))]),
  ...SIZES.map((size) => [`binary of ${size} bytes`, () => echoes(bytes(size))]),
  ["text of many alphabets", () => echoes(UNICODE.repeat(1000))],
  ["fragments of text", () => fragments("one, two", ["one", "", ", ", "two"])],
  ["fragments of bytes", () => fragments(bytes(300), single(bytes(300)))],
  ["fragments within characters", () => fragments(UNICODE, single(Buffer.from(UNICODE)))],
  ["ping between fragments", pingBetweenFragments],
  ["200 messages in flight", order],
  ["ping without payload", () => ping(Buffer.alloc(0))],
  ["ping with payload", () => ping(Buffer.from("are you there?"))],
  ["ping with 125 bytes", () => ping(bytes(125))],
  ["close without code", () => closesFromHere()],
  ["close with 1000", () => closesFromHere(1000)],
  ["close with 1000 and reason", () => closesFromHere(1000, "done")],
  ["close with 3000 and reason", () => closesFromHere(3000, "of a registered kind")],
  ["close with 4999 and reason", () => closesFromHere(4999, LONG_REASON)],
  ["closed with 1000", () => closesFromThere(1000, "done")],
  ["closed with 1001", () => closesFromThere(1001, "going away")],
  ["closed with 1011", () => closesFromThere(1011, "out of order")],
  ["closed with 3000", () => closesFromThere(3000, "of a registered kind")],
  ["closed with 4001", () => closesFromThere(4001, "so long")],
  ["closed with 4999", () => closesFromThere(4999, LONG_REASON)],
  ["compression is declined", declinesCompression],
  ["subprotocol in common", subprotocol],
  ["no subprotocol in common", noSubprotocol],
  ["refused with 403", () => refuses("/private", 403, "members only")],
  ["not found", () => refuses("/nowhere", 404)],
  ["longest message", () => echoes(Buffer.alloc(MESSAGE_BYTES_MAX, "m"))],
  ["too long a message", () => tooLongMessage(Buffer.alloc(MESSAGE_BYTES_MAX + 1, "m"))],
  ["too long in fragments", () => tooLongMessage(megabyte, megabyte, Buffer.of(0))],
];

if (process.argv[3] === "deflate") {
  for (let bits = 8; bits < 16; bits += 1) {
    const offer = { serverMaxWindowBits: bits, clientMaxWindowBits: Math.max(bits, 9) };
    checks.push([`windows of ${bits} bits`, () => compresses(offer)]);
  }
  const fresh = { serverNoContextTakeover: true, clientNoContextTakeover: true };
  checks.push(["no context", () => compresses(fresh)]);
  checks.push(["no context of the server", () => compresses({ serverNoContextTakeover: true })]);
}

// Whether a check has closed its sockets or not, none of them keeps the process alive.
await run(checks, () => Client.all.splice(0).forEach(({ socket }) => socket.terminate()));
