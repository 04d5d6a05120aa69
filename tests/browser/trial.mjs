// The page of `--try` in a browser: it finds a program that is replaced, and a server that starts
// again, by itself; it follows the system's colors, and is whole on a phone.

import {
  chmodSync, copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  assert, check, expected, openWindow, setColors, shoot, startServer, stopServer, until,
  worstContrast,
} from './support.mjs';

const PROGRAM = 'examples/programs/python/echo.py';
const HELPER = 'examples/programs/python/_switchboard.py';

export async function checkTrial(browser, phone) {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-trial-'));
  const file = join(folder, 'echo.py');
  // Moved over the old one, as a program is put in place.
  const put = (text) => {
    writeFileSync(`${file}.new`, text);
    chmodSync(`${file}.new`, 0o755);
    renameSync(`${file}.new`, file);
  };
  const text = readFileSync(PROGRAM, 'utf8');
  copyFileSync(HELPER, join(folder, '_switchboard.py'));
  put(text);
  let server = await startServer(0, ['--try', file]);
  const url = `http://127.0.0.1:${server.port}/`;
  const page = await openWindow(browser, url, 'trial', phone);
  const lines = (kind) => page.locator(`#lines .${kind}`).allTextContents();
  const isOpen = (times) => until(`it is open for the ${times}th time`,
    async () => (await lines('note')).filter((line) => line === 'open').length === times);
  const say = async (words, times) => {
    await page.fill('textarea', words);
    await page.press('textarea', 'Enter');
    await until(`"${words}" comes back`,
      async () => (await lines('came')).filter((line) => line === words).length === times);
  };
  await check('the page of --try talks to the program', async () => {
    await isOpen(1);
    await say('hello', 1);
    assert(await page.textContent('#state') === 'open', 'the state is not told');
  });
  await check('it connects again when the program is replaced', async () => {
    const now = new Date();
    utimesSync(file, now, now);
    await isOpen(2);
    await say('hello', 2);
  });
  await check('a version with an error in it disturbs nobody', async () => {
    put(`${text}\n)(\n`);
    await until('the log tells of it', () => server.log.includes('the new version is not taken'));
    await say('hello', 3);
    put(text);
    await say('hello', 4);
  });
  await check('it connects again when the server starts again', async () => {
    expected.lossOfServer = true;
    await stopServer(server);
    await until('the page shows the loss',
      async () => await page.textContent('#state') !== 'open');
    server = await startServer(server.port, ['--try', file]);
    await isOpen(3);
    expected.lossOfServer = false;
    await say('hello', 5);
  });
  await check('it stays closed when its visitor closes it', async () => {
    await page.click('#turn');
    await until('it is closed', async () => await page.textContent('#state') === 'closed');
    await page.click('#turn');
    await isOpen(4);
  });
  await check('it is whole on a phone', async () => {
    await say('W'.repeat(300), 1);
    const cut = await page.evaluate(() => [...document.querySelectorAll('body, body *')]
      .filter((element) => element.checkVisibility())
      .filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5
        || element.getBoundingClientRect().left < 0)
      .map((element) => element.id || element.tagName));
    assert(cut.length === 0, `beyond the screen: ${cut}`);
    const { width, wide } = await page.evaluate(() => ({
      width: innerWidth, wide: document.documentElement.scrollWidth,
    }));
    assert(width === 360 && wide <= 360, `a window of ${width} shows ${wide}`);
  });
  await check('it is dark where the system is, and words stand out', async () => {
    const grounds = [];
    for (const colorScheme of ['light', 'dark']) {
      await shoot(page, `trial-${colorScheme}`, colorScheme);
      grounds.push(await page.evaluate(() => {
        const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number);
        return (r + g + b) / 3;
      }));
      const worst = await page.evaluate(worstContrast);
      assert(worst.ratio >= 4.5, `${colorScheme}: ${worst.ratio.toFixed(2)} on ${worst.where}`);
    }
    assert(grounds[0] > 200 && grounds[1] < 60, `the grounds are ${grounds}`);
    await setColors(page, 'light');
  });
  await page.context().close();
  await stopServer(server);
  rmSync(folder, { recursive: true });
}
