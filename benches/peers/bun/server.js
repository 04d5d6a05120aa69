// Bun's own WebSocket server (uWebSockets inside): /echo, and /broadcast to all who are there.
//
//   bun server.js PORT                         without TLS and compression
//   bun server.js PORT FOLDER                  with TLS: the certificate in the folder
//   bun server.js PORT --contexts none|kept    messages are compressed, and may refer to earlier ones
const [, , port, ...words] = process.argv;
const contexts = words[0] === '--contexts' ? words[1] : undefined;
const folder = contexts ? undefined : words[0];
const file = (name) => Bun.file(`${folder}/${name}.pem`);
// `dedicated` keeps a state for each socket, with the widest window, `shared` none.
const kept = contexts === 'kept' ? 'dedicated' : 'shared';
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(port),
  tls: folder ? { cert: file('cert'), key: file('key') } : undefined,
  fetch(request, server) {
    const data = { broadcast: new URL(request.url).pathname === '/broadcast' };
    if (server.upgrade(request, { data })) return undefined;
    return new Response('WebSocket only', { status: 426 });
  },
  websocket: {
    perMessageDeflate: contexts ? { compress: kept, decompress: kept } : false,
    open(socket) {
      if (socket.data.broadcast) socket.subscribe('all');
    },
    message(socket, message) {
      if (socket.data.broadcast) server.publish('all', message, Boolean(contexts));
      else socket.send(message, Boolean(contexts));
    },
  },
});
