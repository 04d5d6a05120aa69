// Whose pages get in, as a real browser tells them apart: pages of another port, and pages whose
// own name resolves to the server's address. The server runs with a configuration for each.

import { createServer } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, check, startServer, stopServer } from './support.mjs';

// To Chromium, with RESOLVER among its arguments, this is the machine itself.
const REBOUND = 'evil.example';
export const RESOLVER = `--host-resolver-rules=MAP ${REBOUND} 127.0.0.1`;

// A server with this configuration, and a page of another port, as one of Vite would be.
async function withServer(keys, body) {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-'));
  const file = join(folder, 'server.conf');
  writeFileSync(file, `[server]\n${keys}\n`);
  const pages = createServer((_, answer) => {
    answer.setHeader('Content-Type', 'text/html');
    answer.end('<!doctype html><link rel=icon href=data:,><title>a page of others</title>');
  });
  await new Promise((resolve) => pages.listen(0, 'localhost', resolve));
  const server = await startServer(0, ['-c', file]);
  try {
    await body(server.port, `http://localhost:${pages.address().port}/`);
  } finally {
    pages.close();
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

export async function checkOrigins(browser) {
  const other = (keys) => async (wanted) => withServer(keys, async (port, url) => {
    const { heard } = await echoTo(browser, url, `ws://localhost:${port}/echo`);
    assert(heard === wanted, `it gets ${heard}, and not ${wanted}`);
  });
  const rebound = (keys) => async (status, wanted) => withServer(keys, async (port) => {
    const { status: found, heard } = await echoTo(
      browser, `http://${REBOUND}:${port}/echo`, `ws://${REBOUND}:${port}/echo`);
    assert(found === status, `the page is ${found}, and not ${status}`);
    assert(heard === wanted, `its socket gets ${heard}, and not ${wanted}`);
  });
  await check('a page on another port is refused', () => other('origin: same')(1006));
  await check('a page on another port gets in if localhost may have any',
    () => other('origin: http://localhost:*')('from a page'));
  await check('a page on another port gets in beside those of the same',
    () => other('origin: same, http://localhost:*')('from a page'));
  await check('a name that resolves to loopback is refused, for pages and sockets',
    () => rebound('allowed-hosts: auto')(421, 1006));
  await check('such a name gets in if it is allowed',
    () => rebound(`allowed-hosts: auto, ${REBOUND}`)(426, 'from a page'));
}
