// Whose pages get in, as a real browser tells them apart: pages of another port, and pages whose
// own name resolves to the server's address. The server runs with a configuration for each.

import { createServer } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, check, startServer, stopServer, until } from './support.mjs';

// To Chromium, with RESOLVER among its arguments, this is the machine itself.
const REBOUND = 'evil.example';
export const RESOLVER = `--host-resolver-rules=MAP ${REBOUND} 127.0.0.1`;

// A page of another port, as one of Vite would be.
async function servePage() {
  const pages = createServer((_, answer) => {
    answer.setHeader('Content-Type', 'text/html');
    answer.end('<!doctype html><link rel=icon href=data:,><title>a page of others</title>');
  });
  await new Promise((resolve) => pages.listen(0, 'localhost', resolve));
  return pages;
}

// A server with this configuration.
async function withServer(keys, body) {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-'));
  const file = join(folder, 'server.conf');
  writeFileSync(file, `[server]\n${keys}\n`);
  const server = await startServer(0, ['-c', file]);
  try {
    return await body(server);
  } finally {
    await stopServer(server);
    rmSync(folder, { recursive: true });
  }
}

// What a page at `url` hears back from the service, or with which code its socket is closed.
async function echoTo(browser, url, address) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const answer = await page.goto(url);
    const heard = await page.evaluate((target) => new Promise((resolve) => {
      const socket = new WebSocket(target);
      socket.onopen = () => socket.send('from a page');
      socket.onmessage = (event) => { resolve(event.data); socket.close(); };
      socket.onclose = (event) => resolve(event.code);
    }), address);
    return { status: answer.status(), heard };
  } finally {
    await context.close();
  }
}

// The key that the line of a refused handshake in the log tells to set.
async function cure(server) {
  const set = await until('the log says which key to set',
    () => /status=4\d\d reason="[^"]*, set ([a-z-]+: [^"]+)"/.exec(server.log));
  return set[1];
}

export async function checkOrigins(browser) {
  const pages = await servePage();
  const url = `http://localhost:${pages.address().port}/`;
  const other = (keys, wanted) => withServer(keys, async (server) => {
    const { heard } = await echoTo(browser, url, `ws://localhost:${server.port}/echo`);
    assert(heard === wanted, `it gets ${heard}, and not ${wanted}`);
    return wanted === 1006 ? cure(server) : '';
  });
  const rebound = (keys, status, wanted) => withServer(keys, async (server) => {
    const { status: found, heard } = await echoTo(
      browser, `http://${REBOUND}:${server.port}/echo`, `ws://${REBOUND}:${server.port}/echo`);
    assert(found === status, `the page is ${found}, and not ${status}`);
    assert(heard === wanted, `its socket gets ${heard}, and not ${wanted}`);
    return wanted === 1006 ? cure(server) : '';
  });
  await check('a page on another port is refused, and gets in with the key that the log names',
    async () => other(await other('origin: same', 1006), 'from a page'));
  await check('a page on another port gets in if localhost may have any',
    () => other('origin: http://localhost:*', 'from a page'));
  await check('a page on another port gets in beside those of the same',
    () => other('origin: same, http://localhost:*', 'from a page'));
  await check('a name that resolves to loopback is refused, and gets in with the key of the log',
    async () => rebound(await rebound('allowed-hosts: auto', 421, 1006), 426, 'from a page'));
  pages.close();
}
