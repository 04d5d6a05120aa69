// Hosts that share over Redis, for benches/hosts: `ws`, and socket.io with its adapter. Each message
// of a socket goes to all sockets of all hosts. The packages stand in PACKAGE, where benches/hosts has
// installed them, not beside this file.
//
//   node server.mjs ws|socket.io PORT REDIS-SOCKET PACKAGE
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const [, , kind, port, path, folder] = process.argv;
const require = createRequire(`${folder}/package.json`);
const publisher = require('redis').createClient({ socket: { path } });
const subscriber = publisher.duplicate();
for (const client of [publisher, subscriber]) {
  // It connects again by itself.
  client.on('error', () => {});
  await client.connect();
}
const server = createServer();

if (kind === 'ws') {
  const { WebSocketServer } = require('ws');
  const own = randomBytes(8).toString('hex');
  const members = new Set();
  const deliver = (text) => {
    for (const member of members) member.send(text);
  };
  await subscriber.subscribe('all', (text) => {
    // The own ones have been delivered.
    if (!text.startsWith(own)) deliver(text.slice(own.length));
  });
  new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket) => {
    socket.on('error', () => {});
    members.add(socket);
    socket.on('close', () => members.delete(socket));
    socket.on('message', (message) => {
      const text = message.toString();
      deliver(text);
      publisher.publish('all', own + text).catch(() => {});
    });
  });
} else {
  // The adapter leaves a failed publication to nobody, which would end the process.
  process.on('unhandledRejection', () => {});
  const { Server } = require('socket.io');
  const { createAdapter } = require('@socket.io/redis-adapter');
  const io = new Server(server, { transports: ['websocket'], perMessageDeflate: false });
  io.adapter(createAdapter(publisher, subscriber));
  io.on('connection', (socket) => socket.on('m', (text) => io.emit('m', text)));
}
server.listen({ host: '127.0.0.1', port: Number(port), backlog: 4096 });
