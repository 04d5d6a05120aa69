#!/usr/bin/env node
// Sends the time to all, each second.
const { send, serve } = require("./_switchboard.js");

serve({});
setInterval(() => send("*", new Date().toTimeString().slice(0, 8)), 1000);
