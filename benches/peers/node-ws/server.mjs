// The package `ws` on Node: /echo, and /broadcast to all who are there. With a folder of a
// certificate, it has TLS.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createRequire } from 'node:module';

// The package stands where benches/compare has installed it, not beside this file.
const [, , port, folder, certificate] = process.argv;
const { WebSocketServer } = createRequire(`${folder}/package.json`)('ws');

const file = (name) => readFileSync(`${certificate}/${name}.pem`);
const address = { host: '127.0.0.1', port: Number(port), backlog: 4096 };
const secure = certificate && createServer({ cert: file('cert'), key: file('key') });
const server = new WebSocketServer({
  ...(secure ? { server: secure } : address),
  clientTracking: false,
  perMessageDeflate: false,
});
secure?.listen(address);
const members = new Set();

server.on('connection', (socket, request) => {
  // A peer that leaves without a closing handshake is nobody's concern here.
  socket.on('error', () => {});
  if (request.url !== '/broadcast') {
    socket.on('message', (message, binary) => socket.send(message, { binary }));
    return;
  }
  members.add(socket);
  socket.on('close', () => members.delete(socket));
  socket.on('message', (message, binary) => {
    for (const member of members) member.send(message, { binary });
  });
});
