// The package `ws` on Node: /echo, and /broadcast to all who are there. The package stands in PACKAGE,
// where benches/compare has installed it, not beside this file.
//
//   node server.mjs PORT PACKAGE                         without TLS and compression
//   node server.mjs PORT PACKAGE FOLDER                  with TLS: the certificate in the folder
//   node server.mjs PORT PACKAGE --contexts none|kept    messages are compressed, and may refer to
//                                                        earlier ones
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createRequire } from 'node:module';

const [, , port, folder, ...words] = process.argv;
const contexts = words[0] === '--contexts' ? words[1] : undefined;
const certificate = contexts ? undefined : words[0];
const { WebSocketServer } = createRequire(`${folder}/package.json`)('ws');

const file = (name) => readFileSync(`${certificate}/${name}.pem`);
const address = { host: '127.0.0.1', port: Number(port), backlog: 4096 };
const secure = certificate && createServer({ cert: file('cert'), key: file('key') });
// The fastest level, as the others have it, for messages of any length.
const compression = {
  zlibDeflateOptions: { level: 1 },
  threshold: 0,
  serverNoContextTakeover: contexts === 'none',
  clientNoContextTakeover: contexts === 'none',
};
const server = new WebSocketServer({
  ...(secure ? { server: secure } : address),
  clientTracking: false,
  perMessageDeflate: contexts ? compression : false,
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
