// The chat demo over TLS that ends in the server: the page by https, the talk by wss. The browser
// trusts an authority of the test, whose certificate for the server is verified as any other.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { assert, check, complaints, openWindow, startServer, stopServer } from './support.mjs';
import { enterNewRoom, enterRoom, giveName, hasCount, hears, say } from './page.mjs';

// An authority, a certificate of it for localhost, and a home whose browser trusts the authority.
function makeTrust(folder) {
  const run = (command, ...args) => execFileSync(command, args, { cwd: folder, stdio: 'pipe' });
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  run('openssl', 'req', '-x509', ...curve, '-days', '2', '-subj', '/CN=Authority of a test',
    '-keyout', 'ca-key.pem', '-out', 'ca.pem');
  writeFileSync(join(folder, 'names'), 'subjectAltName=DNS:localhost\n');
  run('openssl', 'req', ...curve, '-subj', '/CN=localhost', '-keyout', 'key.pem', '-out', 'asked.pem');
  run('openssl', 'x509', '-req', '-in', 'asked.pem', '-CA', 'ca.pem', '-CAkey', 'ca-key.pem',
    '-CAcreateserial', '-days', '2', '-extfile', 'names', '-out', 'cert.pem');
  const store = join(folder, 'home/.pki/nssdb');
  mkdirSync(store, { recursive: true });
  run('certutil', '-N', '--empty-password', '-d', `sql:${store}`);
  run('certutil', '-A', '-n', 'test', '-t', 'C,,', '-i', 'ca.pem', '-d', `sql:${store}`);
}

function launch(home) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM, headless: true, env: { ...process.env, HOME: home },
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

export async function checkSecure() {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-'));
  const heard = complaints.length;
  let server, browser;
  try {
    makeTrust(folder);
    writeFileSync(join(folder, 'server.conf'), `[server]\ntls-port: 0\ntls-certificate: ${folder}/cert.pem\n`
      + `tls-key: ${folder}/key.pem\n`);
    server = await startServer(0, ['-c', join(folder, 'server.conf')]);
    const port = /https:\/\/\S*?:(\d+)/.exec(server.printed)?.[1];
    const url = `https://localhost:${port}/demo_chatroom`;
    await check('over TLS, two windows talk by wss', async () => {
      assert(port, 'the server prints where it listens with TLS');
      browser = await launch(join(folder, 'home'));
      const sockets = [];
      const arrange = async (page) => page.on('websocket', (socket) => sockets.push(socket.url()));
      const ida = await openWindow(browser, url, 'Ida', {}, arrange);
      const olaf = await openWindow(browser, url, 'Olaf', {}, arrange);
      await giveName(ida, 'Ida');
      await giveName(olaf, 'Olaf');
      await enterNewRoom(ida, 'vault');
      await enterRoom(olaf, 'vault');
      await hasCount(ida, 'vault', 2);
      await say(ida, 'sealed');
      await hears(olaf, 'sealed', false);
      assert(sockets.length === 2 && sockets.every((socket) => socket.startsWith('wss://')), sockets);
      assert(complaints.length === heard, complaints.slice(heard).join('\n'));
    });
    await check('over TLS, an authority that is not trusted is refused', async () => {
      const stranger = await launch(folder);
      try {
        const page = await (await stranger.newContext()).newPage();
        const error = await page.goto(url).then(() => null, (found) => found.message);
        assert(/ERR_CERT_AUTHORITY_INVALID/.test(error), error);
      } finally {
        await stranger.close();
      }
    });
    await browser?.close();
    await stopServer(server);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
