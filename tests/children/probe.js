// Tells by log lines what it hears, and says what a text asks it to. With `asks` as an argument it
// asks for admission; with `async`, its handlers give promises. A query string or address `fail`
// makes the handler fail that hears of it.
const { Worker } = require("node:worker_threads");
const board = require("../../examples/programs/node/_switchboard.cjs");

const tell = (...words) => board.log("info", words.join(" "));
const { all, socketId, topic } = board;

const orders = {
  send(id, rest) {
    const [ids, ...words] = rest.split(" ");
    board.send(ids.split(",").map(socketId), words.join(" "));
  },
  one(id, rest) {
    const [other, ...words] = rest.split(" ");
    board.send(socketId(other), words.join(" "));
  },
  raw: (id, rest) => board.send(rest, "raw"),
  "raw-close": (id, rest) => board.close(rest),
  "raw-subscribe": (id, rest) => board.subscribe(rest, "news"),
  "raw-but": (id, rest) => board.send(all().but(rest), "raw"),
  json(id, rest) {
    const wish = JSON.parse(rest);
    board.send(wish.to ?? id, wish.text ?? "text");
  },
  all: (id, rest) => board.send(all(), rest),
  others: (id, rest) => board.send(all().but(18n).but(id), rest),
  "close-all": (id) => board.close(all().but(id), 4000),
  topic: (id, rest) => board.send(topic(rest), "for a topic"),
  "topic-but": (id, rest) => board.send(topic(rest).but(id), "for a topic"),
  many(id, rest) {
    const ids = Array.from({ length: rest }, (_, n) => 10n ** 19n + BigInt(n));
    board.send(ids, "all of you");
  },
  binary: (id) => board.send(id, Buffer.from([0x00, 0xff, 0x0a])),
  words(id) {
    const words = new Uint16Array([0, 0x0a0a]);
    board.send(id, words);
    words[0] = 0xffff; // too late to be sent
  },
  surrogate: (id) => board.send(id, "a\ud800b"),
  "surrogate-topic": (id) => board.subscribe(id, "a\ud800b"),
  subscribe: (id, rest) => board.subscribe(id, rest),
  unsubscribe: (id, rest) => board.unsubscribe([id, 18n], rest),
  close: (id, rest) => board.close(id, 4001, rest),
  code: (id, rest) => board.close(id, rest),
  pause: (id) => board.pause(id),
  resume: (id) => board.resume(id),
  label: (id, rest) => board.label(id, "user", rest),
  key: (id, rest) => board.label(id, rest, "value"),
  level: (id, rest) => board.log(rest, "text"),
  accept: (id, rest) => board.accept(18n, rest),
  reject: (id, rest) => board.reject(18n, 401, rest),
  headers: (id, rest) => board.reject(18n, 401, "members only", { "WWW-Authenticate": rest }),
  worker(id) {
    const code = `require(${JSON.stringify(require.resolve(
      "../../examples/programs/node/_switchboard.cjs",
    ))}).send(${id}n, "by a worker")`;
    new Worker(code, { eval: true }).on("error", (fault) => tell("worker", fault.message));
  },
  print: (id, rest) => console.log(rest),
  later: (id, rest) => void setImmediate(() => orders.fail(id, rest)),
  exit: (id, rest) => process.exit(rest),
  fail(id, rest) {
    throw new Error(rest);
  },
};

function failAt(word) {
  if (word === "fail") throw new Error(word);
}

const handlers = {
  open(id, info) {
    tell("open", id, info.REMOTE_ADDR, info.QUERY_STRING);
    failAt(info.QUERY_STRING);
  },
  close(id, code, reason) {
    tell("close", id, code, reason);
    failAt(reason);
  },
  full(id, waiting) {
    tell("full", id, waiting);
    failAt(waiting === 4444 && "fail");
  },
  drained: (id) => tell("drained", id),
  error(verb, id, text) {
    tell("error", verb, id, text);
    failAt(text);
  },
  gap: () => tell("gap"),
  reload: () => tell("reload"),
  stop(milliseconds) {
    tell("stop", milliseconds);
    failAt(milliseconds === 4444 && "fail");
  },
  message(id, text) {
    const [order, ...words] = text.split(" ");
    return orders[order](id, words.join(" "));
  },
};
if (process.argv.includes("asks")) {
  handlers.ask = (id, info) => {
    tell("ask", id, info.REMOTE_ADDR);
    failAt(info.REMOTE_ADDR);
  };
}
if (process.argv.includes("async")) {
  for (const [name, handler] of Object.entries(handlers)) {
    handlers[name] = async (...told) => {
      await null;
      handler(...told);
    };
  }
}

board.serve(handlers);
