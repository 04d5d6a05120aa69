"use strict";
/**
 * Serves all sockets of a Switchboard service over standard input and output.
 *
 * Copy this file beside your program, and call `serve` with what you need of these:
 *
 *   open(id, info)          with CGI's names, such as info.REMOTE_ADDR
 *   message(id, message)    close(id, code, reason)    error(verb, id, text): the host has not
 *                           done a line, and has warned of it in the log; the id is null unless
 *                           that was for one socket
 *   full(id, waiting)       drained(id): the peer takes less than it is sent, hold back
 *   gap()                   messages of other processes or hosts may be missing: docs/scale.md
 *   reload()                stop(milliseconds): if it gives a promise, the end waits for it
 *   ask(id, info)           has to accept or reject the socket, at once or later
 *   protocols               an array of the subprotocols that are spoken
 *
 *   const { send, serve } = require("./_switchboard.cjs");      // or, in an ES module:
 *   import { send, serve } from "./_switchboard.cjs";
 *   serve({ message: (id, message) => send(id, message) });
 *
 * An id is a BigInt: String(id) is its text, which JSON takes, and socketId(text) the way back. An
 * audience is a value, too: an id, an array of ids, all(), topic("news"), and either .but(id).
 * Strings and numbers are none, and throw a TypeError, so that nothing that a peer sends becomes
 * one. A message is a string or a Buffer, both ways.
 *
 * What a handler throws, or its promise rejects with, is logged: its stack at info, and one warning
 * with the socket. It closes that socket with 1011; in `ask` it refuses it with 500. Other sockets
 * notice nothing. An exception outside of handlers, such as in a timer, ends the program with code
 * 1. The console goes to the log.
 */

const { Console } = require("node:console");
const { writeSync } = require("node:fs");
const { inspect } = require("node:util");
const { isMainThread } = require("node:worker_threads");

let handlers = {};
const failed = new Set(); // sockets whose handler has failed, until they have gone
const unfinished = new Map(); // sockets whose async handlers are not done
let parts = []; // of input that holds no whole line yet
let partsBytes = 0;
let neededBytes = 0; // it is of no use to look before so much has come
let said = []; // strings and Buffers
let text = ""; // the last of them, to which lines are added
let isServing = false;
let isFlushDue = false;
let stopped;

globalThis.console = new Console(process.stderr);
// What a library prints goes to the log as well, and not between the lines for the host.
Object.defineProperty(process, "stdout", { get: () => process.stderr, configurable: true });

/** All sockets of the service, or those of a topic: see `all` and `topic`. */
class Audience {
  #who;
  #leftOut;

  constructor(who, leftOut = "") {
    this.#who = who;
    this.#leftOut = leftOut;
  }

  /**
   * The same audience without one socket. A second call leaves out that one instead.
   * @param {bigint} id
   */
  but(id) {
    return new Audience(this.#who, `,!${nameOf(id)}`);
  }

  /** The words that name it, if it is one. */
  static namesOf(value) {
    return value instanceof Audience ? [value.#who + value.#leftOut] : undefined;
  }
}

/** All sockets of the service. */
function all() {
  return new Audience("*");
}

/**
 * The sockets that are subscribed to a topic. Throws as `subscribe` does.
 * @param {string} name
 */
function topic(name) {
  return new Audience(`@${encodedTopic(name)}`);
}

/**
 * The id whose text was stored. Throws a RangeError if it is none. Never give it what a peer has
 * sent, unless that peer may address any socket of the service.
 * @param {string} text
 * @returns {bigint}
 */
function socketId(text) {
  if (typeof text === "string" && DIGITS.test(text) && BigInt(text) <= ID_MAX) return BigInt(text);
  throw new RangeError(`${shown(text)} is no socket id, which is a number of up to 64 bits`);
}

/**
 * Serves until the host ends the input, and then ends the program. Throws a TypeError for a key
 * that is none of those above, or that has no function.
 */
function serve(given) {
  if (!isMainThread) throw new Error(NO_WORKER);
  check(given);
  handlers = given;
  const protocols = given.protocols ? ` protocols=${given.protocols}` : "";
  text = `READY 1${protocols}${given.ask ? " admission=ask" : ""}\n${text}`;
  isServing = true;
  flush();
  process.stdin.on("data", receive);
  process.stdin.on("end", () => Promise.resolve(stopped).finally(() => process.exit()));
  process.on("exit", flush);
}

/**
 * Sends a string as text, a Buffer or another view of bytes as it is. A socket that has gone is
 * silence. Throws a TypeError for what is no audience or no message.
 * @param {bigint | bigint[] | Audience} to
 * @param {string | NodeJS.ArrayBufferView} message
 */
function send(to, message) {
  if (typeof message === "string") return say("TEXT", audienceOf(to), [], message);
  if (!ArrayBuffer.isView(message)) {
    const kind = Object.prototype.toString.call(message).slice("[object ".length, -1);
    throw new TypeError(
      `a message is a string or a Buffer, not ${kind}; for JSON: JSON.stringify(...)`,
    );
  }
  const { buffer, byteOffset, byteLength } = message;
  // A copy, since the caller may change the bytes, or transfer them, before they are written.
  say("BIN", audienceOf(to), [], Buffer.from(Buffer.from(buffer, byteOffset, byteLength)));
}

/** Closes after what was sent before. The reason is cut to 123 bytes of UTF-8. */
function close(to, code = 1000, reason = "") {
  const cut = Buffer.from(String(reason)).subarray(0, REASON_BYTES_MAX);
  // As part of a stream, so that half a character at its end is left out.
  const whole = new TextDecoder("utf-8", { ignoreBOM: true }).decode(cut, { stream: true });
  say("CLOSE", audienceOf(to), [integer(code)], whole);
}

/**
 * Subscribes an id, or an array of them, to a topic. Its name is any text that is not above 256
 * bytes once it is encoded, which triples what cannot stand in a line: blanks, commas, percent
 * signs, controls, a plus sign in front. Others throw a RangeError.
 */
function subscribe(ids, name) {
  say("SUB", namesOf(ids), [encodedTopic(name)]);
}

/** Takes a subscription back. */
function unsubscribe(ids, name) {
  say("UNSUB", namesOf(ids), [encodedTopic(name)]);
}

/** Has nothing more read of an id, or of an array of them, until `resume`. */
function pause(ids) {
  say("PAUSE", namesOf(ids));
}

function resume(ids) {
  say("RESUME", namesOf(ids));
}

/** A label for the log line of a socket; an empty value takes it away. */
function label(id, key, value) {
  say("SET", [nameOf(id)], [token(key)], String(value));
}

/** A line for the log: error, warn, info, debug or trace. */
function log(level, text) {
  say("LOG", [token(level)], [], String(text));
}

/** Lets in a socket that `ask` was called for. A protocol that is no token throws a RangeError. */
function accept(id, protocol) {
  say("ACCEPT", [nameOf(id)], protocol ? [`protocol=${token(protocol)}`] : []);
}

/**
 * Answers with a status, 200 to 599, instead. `headers` is an object, or an array of pairs; a line
 * end in one of them throws a RangeError.
 */
function reject(id, status = 403, text = "", headers = {}) {
  const pairs = Array.isArray(headers) ? headers : Object.entries(headers);
  const head = pairs.map(([name, value]) => `${headerPart(name)}: ${headerPart(value)}\n`);
  say("REJECT", [nameOf(id)], [integer(status)], `${head.join("")}\n${text}`);
}

function check(given) {
  const kind = Object.getPrototypeOf(Object(given));
  if (typeof given !== "object" || given === null || ![Object.prototype, null].includes(kind)) {
    throw new TypeError("serve takes a plain object of handlers: { message: (id, text) => ... }");
  }
  for (const [name, handler] of Object.entries(given)) {
    if (name === "protocols") continue;
    if (!HANDLERS.includes(name)) {
      const nearest = HANDLERS.find((each) => isNear(each, name));
      const hint = nearest ? `do you mean ${nearest}? ` : "";
      const known = [...HANDLERS, "protocols"].join(", ");
      throw new TypeError(`${shown(name)} is no handler: ${hint}There are ${known}`);
    }
    if (typeof handler !== "function" && handler !== undefined) {
      throw new TypeError(`the handler ${name} is a function, not ${shown(handler)}`);
    }
  }
}

// Whether one letter more, less or changed, or two swapped, makes the name of what is meant.
function isNear(name, found) {
  const word = found.toLowerCase().replace(/^on_?/, "");
  let same = 0;
  while (same < name.length && name[same] === word[same]) same += 1;
  const [a, b] = [name.slice(same), word.slice(same)];
  const swapped = b.slice(1, 2) + b.slice(0, 1) + b.slice(2);
  return [b, swapped].includes(a) || [a, a.slice(1)].includes(b.slice(1)) || a.slice(1) === b;
}

// Bytes as they come, cut anywhere.
function receive(chunk) {
  parts.push(chunk);
  partsBytes += chunk.length;
  if (partsBytes < neededBytes) return;
  const input = parts.length === 1 ? chunk : Buffer.concat(parts);
  let at = 0;
  neededBytes = 0;
  for (let end; (end = input.indexOf(NEWLINE, at)) >= 0; ) {
    const words = input.latin1Slice(at, end).trimEnd().split(" ");
    let body = NOTHING;
    end += 1;
    if (words.at(-1).startsWith("+")) {
      const start = end;
      end += Number(words.pop()) + 1;
      if (end > input.length) {
        neededBytes = end - at;
        break;
      }
      if (input[end - 1] !== NEWLINE) throw new Error(`out of step: no newline after ${words}`);
      body = input.subarray(start, end - 1);
    }
    at = end;
    hear(words, body);
  }
  parts = at < input.length ? [input.subarray(at)] : [];
  partsBytes = input.length - at;
}

function hear([verb, word, number], body) {
  switch (verb) {
    case "TEXT": return call("message", BigInt(word), body.toString());
    case "BIN": return call("message", BigInt(word), body);
    case "OPEN": return call("open", BigInt(word), infoOf(body.toString()));
    case "ASK": return call("ask", BigInt(word), infoOf(body.toString()));
    case "CLOSE": {
      const id = BigInt(word);
      failed.delete(id);
      const socket = unfinished.get(id);
      if (socket) socket.isOpen = false;
      return call("close", id, Number(number), body.toString());
    }
    case "FULL": return call("full", BigInt(word), Number(number));
    case "DRAIN": return call("drained", BigInt(word));
    case "ERR":
      return call("error", word, DIGITS.test(number) ? BigInt(number) : null, body.toString());
    case "GAP": return call("gap");
    case "RELOAD": return call("reload");
    case "STOP": stopped = call("stop", Number(word));
  }
}

// Calls a handler. Returns the promise of an async one, which is never rejected.
function call(name, ...told) {
  // What its peer had sent before it learned of the 1011.
  if (failed.size > 0 && failed.has(told[0])) return undefined;
  try {
    const result = handlers[name]?.(...told);
    return typeof result?.then === "function" ? settle(name, told[0], result) : undefined;
  } catch (fault) {
    fail(name, told[0], fault);
    return undefined;
  }
}

// Waits for an async handler, whose socket may close meanwhile.
async function settle(name, id, result) {
  const socket = unfinished.get(id) ?? { calls: 0, isOpen: true };
  unfinished.set(id, socket);
  socket.calls += 1;
  try {
    await result;
  } catch (fault) {
    if (socket.isOpen) fail(name, id, fault);
    else warn(name, id, fault);
  }
  socket.calls -= 1;
  if (socket.calls === 0) unfinished.delete(id);
}

function fail(name, id, fault) {
  warn(name, id, fault);
  if (name === "ask") reject(id, 500);
  if (!ENDS.has(name)) return;
  failed.add(id);
  close(id, 1011, `an exception in ${name}()`);
}

// Logs an exception: its stack, which the host has at info, and a warning.
function warn(name, id, fault) {
  console.error(fault);
  const socket = typeof id === "bigint" ? `socket ${id}: ` : "";
  const what = fault instanceof Error ? String(fault) : inspect(fault);
  log("warn", `${socket}an exception in ${name}(): ${what.slice(0, FAULT_LENGTH_MAX)}`);
}

function infoOf(text) {
  const info = {};
  for (const line of text.split("\n")) {
    const at = line.indexOf("=");
    if (at > 0) info[line.slice(0, at)] = line.slice(at + 1);
  }
  return info;
}

// A line for each of `names`. All that may throw is done before any of them is there.
function say(verb, names, words = [], body) {
  if (!isMainThread) throw new Error(NO_WORKER);
  const rest = words.map((word) => ` ${word}`).join("");
  const length = body === undefined ? "" : ` +${Buffer.byteLength(body)}\n`;
  for (const name of names) {
    text += `${verb} ${name}${rest}${length}`;
    if (typeof body === "string") {
      text += body;
    } else if (body !== undefined) {
      said.push(text, body);
      text = "";
    }
    text += "\n";
  }
  if (text.length + said.length >= BLOCK_BYTES) return flush();
  // After all that one read brought, so that what is said at a time is one write.
  if (!isFlushDue) setImmediate(flush);
  isFlushDue = true;
}

const audienceOf = (to) => Audience.namesOf(to) ?? namesOf(to);

// The words that name an id, or ids. They are several if ids are many, since lines are short.
function namesOf(ids) {
  if (!Array.isArray(ids)) return [nameOf(ids)];
  const names = [...new Set(ids.map(nameOf))]; // each once, also where they are several lines
  const words = [];
  for (let at = 0; at < names.length; at += IDS_MAX) words.push(names.slice(at, at + IDS_MAX));
  return words; // which are joined by commas
}

function nameOf(id) {
  if (typeof id === "bigint" && id >= 0n && id <= ID_MAX) return String(id);
  throw new TypeError(
    `${shown(id)} is no audience here: take ids as they came, or socketId of what was stored; ` +
      "send and close also take all() and topic(name)",
  );
}

// The name as one word. No two names become the same word, and the empty one is a percent sign,
// which no other becomes.
function encodedTopic(name) {
  if (typeof name !== "string" || HALVES.test(name)) {
    throw new TypeError(`a topic is a string without halves of surrogate pairs: ${shown(name)}`);
  }
  const word = name.replace(NO_TOPIC, (found) => encodeURIComponent(found)) || "%";
  const length = Buffer.byteLength(word);
  if (length <= TOPIC_BYTES_MAX) return word;
  throw new RangeError(
    `a topic has ${TOPIC_BYTES_MAX} bytes at most, and ${length} encoded are too many: ` +
      shown(name),
  );
}

function token(text) {
  if (typeof text === "string" && TOKEN.test(text)) return text;
  throw new RangeError(
    `${shown(text)} is no token: 1 to 128 letters, digits and !#$%&'*+-.^_\`|~`,
  );
}

function headerPart(text) {
  if (!/[\r\n]/.test(text)) return text;
  throw new RangeError(`a header has no line ends: ${shown(text)}`);
}

function integer(number) {
  if (Number.isInteger(number)) return number;
  throw new TypeError(`a code or status is a whole number, not ${shown(number)}`);
}

// For an error: a string in quotes, so that "17" differs from 17n.
const shown = (value) =>
  typeof value === "string" ? JSON.stringify(value.slice(0, 80)) : String(value).slice(0, 80);

// Waits if the pipe is full, for the host reads on, even while what it writes is not read.
// `process.stdout` would keep what does not fit, and lose it at the end.
function flush() {
  isFlushDue = false;
  if (!isServing) return; // READY comes first
  said.push(text);
  let left = said.length === 1 ? Buffer.from(text) : Buffer.concat(said.map(bytes));
  said = [];
  text = "";
  while (left.length > 0) {
    try {
      left = left.subarray(writeSync(1, left));
    } catch (fault) {
      if (fault.code === "EPIPE") process.exit(); // the host has gone
      if (fault.code !== "EAGAIN") throw fault;
      // The pipe does not block, if something has used it before. There is no other way to wait.
      Atomics.wait(PAUSE, 0, 0, PAUSE_MS);
    }
  }
}

const bytes = (part) => (typeof part === "string" ? Buffer.from(part) : part);

const HANDLERS = [
  "open", "message", "close", "full", "drained", "error", "gap", "reload", "stop", "ask",
];
const ENDS = new Set(["open", "message", "full", "drained"]); // what closes the socket if it fails
const DIGITS = /^(0|[1-9][0-9]{0,19})$/;
const ID_MAX = (1n << 64n) - 1n;
const NO_TOPIC = /^\+|[\x00-\x20%,\x7f-\x9f]/g;
const HALVES = /\p{Cs}/u;
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/; // RFC 9110, 5.6.2
const NO_WORKER = "a worker does not speak to the host: post it to the main thread";
const NEWLINE = 10;
const NOTHING = Buffer.alloc(0);
const PAUSE = new Int32Array(new SharedArrayBuffer(4));
const PAUSE_MS = 1;
const IDS_MAX = 32; // of 20 digits at most, so that a topic still fits the line of 1024 bytes
const TOPIC_BYTES_MAX = 256;
const REASON_BYTES_MAX = 123;
const FAULT_LENGTH_MAX = 1000;
const BLOCK_BYTES = 1 << 16;

module.exports = {
  serve, send, close, subscribe, unsubscribe, pause, resume, label, log, accept, reject,
  all, topic, socketId,
};
