#!/usr/bin/env node
// A chat: the first message of a socket is its name, all others go to everybody.
const { all, close, send, serve } = require("./_switchboard.cjs");

const names = new Map();

serve({
  open(id) {
    send(id, "Your name?");
  },

  message(id, message) {
    if (typeof message !== "string") return close(id, 1003, "text only");
    if (names.has(id)) return send(all(), `${names.get(id)}: ${message}`);
    names.set(id, message);
    send(all(), `${message} has come`);
  },

  close(id) {
    if (!names.has(id)) return;
    send(all(), `${names.get(id)} has gone`);
    names.delete(id);
  },
});
