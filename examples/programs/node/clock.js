#!/usr/bin/env node
// Sends the time to all, each second.
const { all, send, serve } = require("./_switchboard.cjs");

serve({});
setInterval(() => send(all(), new Date().toTimeString().slice(0, 8)), 1000);
