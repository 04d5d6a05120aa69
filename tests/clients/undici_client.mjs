// Checks a server with the WebSocket of the Node package undici, which is also the one that newer
// versions of Node have built in, and which nobody here wrote. It is the API of browsers.
//
//     node tests/clients/undici_client.mjs ws://127.0.0.1:PORT [deflate]
//
// Expects the services that python_client.py describes. Prints a line per check, and last
// "N passed, N failed"; the exit status is 1 if one failed.

import assert from "node:assert/strict";
import * as undici from "undici";
import {
  LONG_REASON, MESSAGE_BYTES_MAX, SIZES, UNICODE, bytes, equal, inFlight, run,
} from "./checks.mjs";

const BASE = process.argv[2].replace(/\/$/, "");
const OWN = BASE.replace("ws://", "http://");

// A socket from its first moment on: what arrives between two waits is kept for the next one.
class Client {
  constructor(WebSocket, path, protocols = [], origin = OWN) {
    const socket = new WebSocket(BASE + path, { protocols, headers: { Origin: origin } });
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.messages = [];
    this.wake = () => {};
    socket.addEventListener("message", ({ data }) => {
      this.messages.push(typeof data === "string" ? data : Buffer.from(data));
      this.wake();
    });
    this.opened = new Promise((resolve) => {
      socket.addEventListener("open", () => resolve(true));
      socket.addEventListener("error", () => resolve(false));
    });
    this.closed = new Promise((resolve) => socket.addEventListener("close", resolve));
    this.closed.then(() => {
      this.isClosed = true;
      this.wake();
    });
    Client.all.push(this);
  }

  static all = [];

  static async open(...options) {
    const client = new Client(...options);
    assert(await client.opened, "the socket opens");
    return client;
  }

  async receive(wanted) {
    while (this.messages.length === 0) {
      assert(!this.isClosed, "closed instead of a message");
      await new Promise((resolve) => {
        this.wake = resolve;
      });
    }
    equal(this.messages.shift(), wanted, "the message");
  }
}

async function echoes(WebSocket, path, ...messages) {
  const client = await Client.open(WebSocket, path);
  messages.forEach((message) => client.socket.send(message));
  for (const message of messages) await client.receive(message);
  return client;
}

async function closesFromHere(WebSocket, ...close) {
  const client = await Client.open(WebSocket, "/echo");
  client.socket.close(...close);
  const { code, wasClean } = await client.closed;
  // What is reported for a close frame without a code.
  equal(code, close[0] ?? 1005, "the answer's code");
  assert(wasClean, "the closing handshake is not complete");
}

async function closesFromThere(WebSocket, code, reason) {
  const client = await Client.open(WebSocket, "/close");
  client.socket.send(`${code} ${reason}`);
  const closed = await client.closed;
  equal(closed.code, code, "the code");
  equal(closed.reason, reason, "the reason");
  assert(closed.wasClean, "the closing handshake is not complete");
}

async function compresses(WebSocket, path, agreement) {
  const texts = Array.from({ length: 20 }, (_, n) => `${n} ${UNICODE} `.repeat(7 ** (n % 5)));
  const client = await echoes(WebSocket, path, ...texts, bytes(100_000), "short");
  assert.match(client.socket.extensions, agreement);
}

async function subprotocol(WebSocket) {
  const { socket } = await Client.open(WebSocket, "/protocol", ["nonsense", "chat.v1"]);
  equal(socket.protocol, "chat.v1", "the subprotocol");
}

// The server opens the socket all the same; it is the client that gives up without an agreement.
async function noSubprotocol(WebSocket) {
  const client = new Client(WebSocket, "/protocol", ["nonsense"]);
  assert(!(await client.opened), "the socket opened");
}

async function refuses(WebSocket, path, origin) {
  const client = new Client(WebSocket, path, [], origin);
  assert(!(await client.opened), "the socket opened");
}

async function tooLongMessage(WebSocket) {
  const client = await Client.open(WebSocket, "/echo");
  client.socket.send(Buffer.alloc(MESSAGE_BYTES_MAX + 1, "m"));
  equal((await client.closed).code, 1009, "the code");
}

const checks = [
  ...SIZES.map((size) => [`text of ${size} bytes`, echoes, "/echo", "t".repeat(size)]),
  ...SIZES.map((size) => [`binary of ${size} bytes`, echoes, "/echo", bytes(size)]),
  ["text of many alphabets", echoes, "/echo", UNICODE.repeat(1000)],
  ["200 messages in flight", echoes, "/echo", ...inFlight()],
  ["close without code", closesFromHere],
  ["close with 1000 and reason", closesFromHere, 1000, "done"],
  ["close with 4001 and reason", closesFromHere, 4001, "so long"],
  ["close with 4999 and reason", closesFromHere, 4999, LONG_REASON],
  ["closed with 1000", closesFromThere, 1000, "done"],
  ["closed with 4001", closesFromThere, 4001, "so long"],
  ["closed with 4999", closesFromThere, 4999, LONG_REASON],
  ["compression is declined", compresses, "/echo", /^$/],
  ["subprotocol in common", subprotocol],
  ["no subprotocol in common", noSubprotocol],
  ["refused with 403", refuses, "/private"],
  ["refused as a page of others", refuses, "/echo", "https://evil.example"],
  ["not found", refuses, "/nowhere"],
  ["longest message", echoes, "/echo", Buffer.alloc(MESSAGE_BYTES_MAX, "m")],
  ["too long a message", tooLongMessage],
];
if (process.argv[3] === "deflate") {
  checks.push(["compression", compresses, "/deflate", /^permessage-deflate/]);
}

const kinds = { undici: undici.WebSocket, "built in": globalThis.WebSocket };
const each = Object.entries(kinds).flatMap(([kind, WebSocket]) =>
  WebSocket
    ? checks.map(([name, check, ...rest]) => [`${kind}: ${name}`, () => check(WebSocket, ...rest)])
    : [],
);
// Whether a check has closed its sockets or not, none of them keeps the process alive.
await run(each, () => Client.all.splice(0).forEach(({ socket }) => socket.close()));
process.exit();
