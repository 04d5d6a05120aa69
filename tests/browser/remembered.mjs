// The chat with a database: two people talk, the server is started again, and what they have said is
// there, for them and for who comes later. The binary has to have SQLite.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, expected, startServer, stopServer, until } from './support.mjs';
import { enterNewRoom, heardLines, hears, isIn, roomButton, say, scenes } from './page.mjs';
import { talks } from './history.mjs';

export async function checkRemembered(browser) {
  const { open, scene } = scenes(browser);
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-'));
  const conf = join(folder, 'server.conf');
  writeFileSync(conf, `[database chat]\nurl: sqlite:${folder}/chat.db\n`);
  let server;

  await scene('with a database, two people find their talk after a restart', async () => {
    server = await startServer(0, ['-c', conf]);
    const url = `http://127.0.0.1:${server.port}/demo_chatroom`;
    const ida = await open('Ida', url);
    await enterNewRoom(ida, 'library');
    const olaf = await open('Olaf', `${url}#library`);
    await isIn(olaf, 'library');
    for (const text of ['one', 'two', 'two']) await say(ida, text);
    await hears(olaf, 'two', false);
    await say(olaf, 'three');
    await hears(ida, 'three', false);

    expected.lossOfServer = true;
    await stopServer(server);
    for (const page of [ida, olaf]) await page.locator('#banner').waitFor();
    server = await startServer(server.port, ['-c', conf]);
    for (const page of [ida, olaf]) {
      await page.evaluate(() => dispatchEvent(new Event('online')));
      await isIn(page, 'library');
    }
    expected.lossOfServer = false;
    await say(ida, 'four');
    await hears(olaf, 'four', false);
    await until('it has the number of the last one', async () => (
      (await heardLines(ida, 'four'))[0]?.state === 'sent'));
    for (const page of [ida, olaf]) {
      const texts = (await heardLines(page)).reverse().map(({ text }) => text);
      assert(`${texts}` === 'one,two,two,three,four', `nothing twice, nothing lost: ${texts}`);
    }
    const nia = await open('Nia', url);
    await roomButton(nia, 'library').click();
    await isIn(nia, 'library');
    await talks(nia, ['one', 'two', 'two', 'three', 'four', '(You came into library.)']);
    const [last, ...earlier] = await heardLines(nia);
    assert(last.author === 'Ida' && earlier[0].author === 'Olaf', 'and by whom');
  });
  if (server !== undefined && server.end === null) await stopServer(server);
  rmSync(folder, { recursive: true });
}
