#!/usr/bin/env node
// Sends every message back.
const { send, serve } = require("./_switchboard.js");

serve({ message: (id, message) => send(id, message) });
