// Bun's own WebSocket server (uWebSockets inside): /echo, and /broadcast to all who are there.
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.argv[2]),
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
