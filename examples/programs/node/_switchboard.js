"use strict";
// Serves all sockets of a Switchboard service over standard input and output.
//
// Copy this file beside your program, and call `serve` with what you need of these:
//
//   open(id, info)          with CGI's names, such as info.REMOTE_ADDR
//   message(id, message)    close(id, code, reason)    error(verb, id, text): it was not done
//   full(id, waiting)       drained(id): the peer takes less than it is sent, hold back
//   reload()                stop(milliseconds): if it gives a promise, the end waits for it
//   ask(id, info)           has to accept or reject the socket, at once or later
//   protocols               an array of the subprotocols that are spoken
//
//   const { send, serve } = require("./_switchboard.js");
//   serve({ message: (id, message) => send(id, message) });
//
// An id is a string. Where `ids` are asked for, there may be an id, an array of them, "*" for all
// sockets, "@topic" for those who subscribed; a string of these may leave one out: "*,!17". A
// message is a string or a Buffer, both ways. The console goes to the log. So does an exception,
// which ends the program with code 1.

const { Console } = require("node:console");
const { writeSync } = require("node:fs");

let handlers = {};
let parts = []; // of input that holds no whole line yet
let partsBytes = 0;
let neededBytes = 0; // it is of no use to look before so much has come
let said = []; // strings and Buffers
let text = ""; // the last of them, to which lines are added
let isFlushDue = false;
let stopped;

globalThis.console = new Console(process.stderr);

function serve(given) {
  handlers = { error: (verb, id, text) => console.log(`${verb} ${id}: ${text}`), ...given };
  const protocols = given.protocols ? ` protocols=${given.protocols}` : "";
  text = `READY 1${protocols}${given.ask ? " admission=ask" : ""}\n${text}`;
  flush();
  process.stdin.on("data", receive);
  process.stdin.on("end", () => Promise.resolve(stopped).then(() => process.exit()));
  process.on("exit", flush);
}

const send = (ids, message) =>
  say(typeof message === "string" ? "TEXT" : "BIN", ids, [], message);
const close = (ids, code = 1000, reason = "") => say("CLOSE", ids, [code], reason);
const subscribe = (ids, topic) => say("SUB", ids, [topic]);
const unsubscribe = (ids, topic) => say("UNSUB", ids, [topic]);
const pause = (ids) => say("PAUSE", ids);
const resume = (ids) => say("RESUME", ids);
const label = (id, key, value) => say("SET", id, [key], value);
const log = (level, text) => say("LOG", level, [], text);
const accept = (id, protocol) => say("ACCEPT", id, protocol ? [`protocol=${protocol}`] : []);
// Each header ends with a newline.
const reject = (id, status = 403, text = "", headers = "") =>
  say("REJECT", id, [status], `${headers}\n${text}`);

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

function hear([verb, id, number], body) {
  switch (verb) {
    case "TEXT": return handlers.message?.(id, body.toString());
    case "BIN": return handlers.message?.(id, body);
    case "OPEN": return handlers.open?.(id, infoOf(body.toString()));
    case "ASK": return handlers.ask(id, infoOf(body.toString()));
    case "CLOSE": return handlers.close?.(id, Number(number), body.toString());
    case "FULL": return handlers.full?.(id, Number(number));
    case "DRAIN": return handlers.drained?.(id);
    case "ERR": return handlers.error(id, number, body.toString());
    case "RELOAD": return handlers.reload?.();
    case "STOP": stopped = handlers.stop?.(Number(id));
  }
}

function infoOf(text) {
  const info = {};
  for (const line of text.split("\n")) {
    const at = line.indexOf("=");
    if (at > 0) info[line.slice(0, at)] = line.slice(at + 1);
  }
  return info;
}

function say(verb, ids, words = [], body) {
  const audience = wordsOf(ids);
  const wrong = [...audience, ...words].find((word) => !WORD.test(word));
  if (wrong !== undefined) {
    // What a peer has a say in, such as a topic, must not become a line of its own.
    const why = `a word has no blanks and no + in front, and is not long: ${wrong}`;
    return handlers.error(verb, ids, why); // as if the host had said it
  }
  for (const names of audience) {
    text += [verb, names, ...words].join(" ");
    if (body !== undefined) text += ` +${Buffer.byteLength(body)}\n`;
    if (typeof body === "string") text += body;
    if (body instanceof Uint8Array) {
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

// The words that name `ids`. They are several if ids are many, since lines are short.
function wordsOf(ids) {
  if (!Array.isArray(ids)) return [ids];
  const words = [];
  for (let at = 0; at < ids.length; at += IDS_MAX) words.push(ids.slice(at, at + IDS_MAX).join());
  return words;
}

// Waits if the pipe is full, for the host reads on, even while what it writes is not read.
// `process.stdout` would keep what does not fit, and lose it at the end.
function flush() {
  isFlushDue = false;
  said.push(text);
  let left = said.length === 1 ? Buffer.from(text) : Buffer.concat(said.map(bytes));
  said = [];
  text = "";
  try {
    while (left.length > 0) left = left.subarray(writeSync(1, left));
  } catch (fault) {
    if (fault.code !== "EPIPE") throw fault;
    process.exit(); // the host has gone
  }
}

const bytes = (part) => (typeof part === "string" ? Buffer.from(part) : part);

const NEWLINE = 10;
const NOTHING = Buffer.alloc(0);
// Neither control characters nor halves of surrogate pairs.
const WORD = /^(?!\+)[^\s\p{Cc}\p{Cs}]{1,256}$/u;
const IDS_MAX = 12; // of 20 digits at most, so that they are a word
const BLOCK_BYTES = 1 << 16;

module.exports = {
  serve, send, close, subscribe, unsubscribe, pause, resume, label, log, accept, reject,
};
