// The chat on two hosts that share over Redis, in a Chromium each: they see each other come and go,
// talk, and have the same history. The binary has to have Redis, and a redis-server is on PATH.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, expected, startServer, stopServer, until } from './support.mjs';
import {
  enterNewRoom, enterRoom, hasCount, heardLines, hears, isIn, say, scenes, tells,
} from './page.mjs';

// `launch` starts one more browser.
export async function checkHosts(browser, launch) {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-'));
  const socket = join(folder, 'redis');
  const conf = join(folder, 'server.conf');
  writeFileSync(conf,
    `[backplane]\nurl: redis+unix://${socket}\n[service /demo_chatroom]\nshare: topics\n`);
  const redis = spawn('redis-server', [
    '--port', '0', '--save', '', '--appendonly', 'no', '--dir', folder, '--unixsocket', socket,
  ], { stdio: 'ignore' });
  process.once('exit', () => redis.kill('SIGKILL'));
  const other = await launch();
  const here = scenes(browser);
  const there = scenes(other);
  let hosts = [];

  await here.scene('people of two hosts talk over Redis, each in a browser of its own', async () => {
    await until('Redis listens', () => existsSync(socket));
    hosts = [await startServer(0, ['-c', conf]), await startServer(0, ['-c', conf])];
    const [one, two] = hosts.map(({ port }) => `http://127.0.0.1:${port}/demo_chatroom`);
    const ida = await here.open('Ida', one);
    await enterNewRoom(ida, 'ferry');
    const olaf = await there.open('Olaf', two);
    await hasCount(olaf, 'ferry', 1);
    await enterRoom(olaf, 'ferry');
    for (const page of [ida, olaf]) await hasCount(page, 'ferry', 2);
    await tells(ida, 'Olaf came in');
    for (let round = 0; round < 5; round += 1) {
      for (const [page, name] of [[ida, 'Ida'], [olaf, 'Olaf']]) {
        const text = `${round} of ${name}`;
        await say(page, text);
        await hears(page, text, true);
        const line = await hears(page === ida ? olaf : ida, text, false);
        assert(line.author === name, `the author is ${line.author}`);
      }
    }
    // Who comes later finds it on either host.
    const mei = await here.open('Mei', `${one}#ferry`);
    const kim = await there.open('Kim', `${two}#ferry`);
    const texts = async (page) => (await heardLines(page)).reverse().map(({ text }) => text);
    const all = await texts(ida);
    assert(all.length === 10, `${all}`);
    for (const page of [mei, kim]) {
      await isIn(page, 'ferry');
      await until('the history is there', async () => `${await texts(page)}` === `${all}`);
    }
    for (const page of [ida, olaf, mei, kim]) {
      await hasCount(page, 'ferry', 4);
      await until('all are listed', async () => (
        await page.locator('#people-list > *').count()) === 4);
    }

    // A host is lost, and its people with it.
    expected.lossOfServer = true;
    hosts[1].child.kill('SIGKILL');
    await tells(ida, 'Olaf left');
    for (const page of [ida, mei]) await hasCount(page, 'ferry', 2);
    await say(ida, 'and on');
    await hears(mei, 'and on', false);
    await Promise.all([olaf, kim].map((page) => page.context().close()));
    expected.lossOfServer = false;
  });
  if (hosts.length > 0 && hosts[0].end === null) await stopServer(hosts[0]);
  await other.close();
  redis.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
