// Bun's own WebSocket server (uWebSockets inside): /echo, and /broadcast to all who are there. With
// a folder, it has TLS with the certificate in it.
const [, , port, folder] = process.argv;
const file = (name) => Bun.file(`${folder}/${name}.pem`);
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
    perMessageDeflate: false,
    open(socket) {
      if (socket.data.broadcast) socket.subscribe('all');
    },
    message(socket, message) {
      if (socket.data.broadcast) server.publish('all', message);
      else socket.send(message);
    },
  },
});
