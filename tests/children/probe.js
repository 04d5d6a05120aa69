// Tells by log lines what it hears, and says what a text asks it to. With `asks` as an argument it
// asks for admission.
const board = require("../../examples/programs/node/_switchboard.js");

const tell = (...words) => board.log("info", words.join(" "));

const orders = {
  send(id, rest) {
    const [ids, ...words] = rest.split(" ");
    board.send(ids, words.join(" "));
  },
  many(id, rest) {
    const ids = Array.from({ length: rest }, (_, n) => `${10n ** 19n + BigInt(n)}`);
    board.send(ids, "all of you");
  },
  binary: (id) => board.send(id, Buffer.from([0x00, 0xff, 0x0a])),
  surrogate: (id) => board.send(id, "a\ud800b"),
  subscribe: (id, rest) => board.subscribe(id, rest),
  unsubscribe: (id, rest) => board.unsubscribe([id, "18"], rest),
  close: (id, rest) => board.close(id, 4001, rest),
  pause: (id) => board.pause(id),
  resume: (id) => board.resume(id),
  label: (id, rest) => board.label(id, "user", rest),
  accept: (id, rest) => board.accept("18", rest),
  reject: (id, rest) => board.reject("18", 401, rest),
  print: (id, rest) => console.log(rest),
  fail(id, rest) {
    throw new Error(rest);
  },
};

board.serve({
  ask: process.argv.includes("asks") ? (id, info) => tell("ask", id, info.REMOTE_ADDR) : undefined,
  open: (id, info) => tell("open", id, info.REMOTE_ADDR, info.QUERY_STRING),
  close: (id, code, reason) => tell("close", id, code, reason),
  full: (id, waiting) => tell("full", id, waiting),
  drained: (id) => tell("drained", id),
  error: (verb, id, text) => tell("error", verb, id, text),
  reload: () => tell("reload"),
  stop: (milliseconds) => tell("stop", milliseconds),
  message(id, text) {
    const [order, ...words] = text.split(" ");
    orders[order](id, words.join(" "));
  },
});
