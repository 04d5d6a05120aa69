#!/usr/bin/env node
// Sends every message back.
const { send, serve } = require("./_switchboard.cjs");

serve({ message: (id, message) => send(id, message) });
