// What was said in a room before, on the page: the last messages, older ones on the way up, and
// those that were missed while the connection was lost. Each check has a room of its own.

import { assert, until } from './support.mjs';
import {
  DESKTOP, enterNewRoom, heardLines, hears, isIn, say, scenes, tells,
} from './page.mjs';

// The lines of the talk from the first to the last: messages by their text, others in brackets.
function talk(page) {
  return page.locator('#lines').evaluate((lines) => [...lines.children].map((line) => (
    line.dataset.kind === 'message' ? line.querySelector('.text').textContent
      : `(${line.textContent})`)));
}

export function talks(page, wanted) {
  let last = '';
  return until(`the talk ${JSON.stringify(wanted)}`, async () => {
    last = JSON.stringify(await talk(page));
    return last === JSON.stringify(wanted);
  }).catch((error) => { throw new Error(`${error.message}, but ${last}`); });
}

// Says so many things in a room, over a connection of its own.
function sayMany(page, room, count) {
  return page.evaluate(async ([chatroom, most]) => {
    const socket = new WebSocket(location.href.replace(/^http/, 'ws').replace(/#.*/, ''));
    await new Promise((resolve) => { socket.onopen = resolve; });
    const send = (message) => socket.send(JSON.stringify(message));
    send({ type: 'name', name: 'Scribe' });
    send({ type: 'join', chatroom });
    for (let number = 1; number <= most; number += 1) {
      send({ type: 'message', message: `line ${number}` });
    }
    const isLast = ({ data }) => data.includes(`"line ${most}"`);
    await new Promise((resolve) => {
      socket.onmessage = (message) => { if (isLast(message)) resolve(); };
    });
    socket.close();
  }, [room, count]);
}

const NOT_STORED = 'Your message was not stored, and nobody got it. Send it again later.';
const NOT_READ = 'Earlier messages cannot be read now.';

export async function checkHistory(browser, url) {
  const { open, scene } = scenes(browser);

  await scene('what was said last is shown, and the rest of it on the way up', async () => {
    const ida = await open('Ida', url);
    await enterNewRoom(ida, 'archive');
    await sayMany(ida, 'archive', 120);
    const olaf = await open('Olaf', `${url}#archive`);
    await until('the last messages', async () => (await heardLines(olaf)).length > 0);
    const [last] = await heardLines(olaf);
    assert(last.text === 'line 120' && last.author === 'Scribe' && !last.own, last.text);
    assert((await talk(olaf)).at(-1) === '(You came into archive.)', 'they are above that line');
    assert((await heardLines(olaf)).length < 120, 'all of them are asked for at once');
    await until('all of them', async () => {
      await olaf.locator('#scroller').evaluate((scroller) => {
        scroller.scrollTop = -scroller.scrollHeight;
      });
      return (await heardLines(olaf)).length >= 120;
    });
    const texts = (await heardLines(olaf)).reverse().map(({ text }) => text);
    const wanted = Array.from({ length: 120 }, (_, at) => `line ${at + 1}`);
    assert(JSON.stringify(texts) === JSON.stringify(wanted), `the order is ${texts}`);
    await say(olaf, 'so I have read it all');
    await hears(ida, 'so I have read it all', false);
  });

  await scene('what is said before the answer comes is shown once', async () => {
    const ida = await open('Ida', url);
    await enterNewRoom(ida, 'porch');
    await say(ida, 'before');
    await hears(ida, 'before', true);
    let ask = null;
    const olaf = await open('Olaf', `${url}#porch`, DESKTOP, (page) => (
      page.routeWebSocket(/demo_chatroom/, (client) => {
        const upstream = client.connectToServer();
        client.onMessage((text) => {
          if (ask === null && text.includes('"history"')) ask = () => upstream.send(text);
          else upstream.send(text);
        });
      })));
    await isIn(olaf, 'porch');
    await until('the question', () => ask !== null);
    await say(ida, 'meanwhile');
    await hears(olaf, 'meanwhile', false);
    ask();
    await talks(olaf, ['before', '(You came into porch.)', 'meanwhile']);
  });

  await scene('what was missed is shown in its place, and nothing twice', async () => {
    let cut = null, isCut = false;
    const ida = await open('Ida', url);
    await enterNewRoom(ida, 'pier');
    await say(ida, 'one');
    const olaf = await open('Olaf', `${url}#pier`, DESKTOP, (page) => (
      page.routeWebSocket(/demo_chatroom/, (client) => {
        if (isCut) return client.close();
        client.connectToServer();
        cut = () => client.close({ code: 1001 });
        return undefined;
      })));
    await hears(olaf, 'one', false);
    for (const text of ['two', 'two']) await say(ida, text);
    await say(olaf, 'three');
    await hears(ida, 'three', false);
    for (const times of ['first', 'second']) {
      isCut = true;
      cut();
      await olaf.locator('#banner').waitFor();
      await tells(ida, 'Olaf left');
      await say(ida, `missed the ${times} time`);
      await hears(ida, `missed the ${times} time`, true);
      isCut = false;
      await olaf.evaluate(() => dispatchEvent(new Event('online')));
      await isIn(olaf, 'pier');
      await hears(olaf, `missed the ${times} time`, false);
      await say(ida, `here the ${times} time`);
      await hears(olaf, `here the ${times} time`, false);
    }
    await talks(olaf, [
      'one', '(You came into pier.)', 'two', 'two', 'three',
      'missed the first time', '(You are back.)', 'here the first time',
      'missed the second time', '(You are back.)', 'here the second time',
    ]);
  });

  await scene('what the server could not store can be sent again', async () => {
    const ida = await open('Ida', url);
    await enterNewRoom(ida, 'shed');
    let isLost = true;
    const olaf = await open('Olaf', `${url}#shed`, DESKTOP, (page) => (
      page.routeWebSocket(/demo_chatroom/, (client) => {
        const upstream = client.connectToServer();
        client.onMessage((text) => {
          if (!isLost || !text.includes('"message"')) return upstream.send(text);
          return client.send(JSON.stringify({ type: 'notice', notice: NOT_STORED }));
        });
      })));
    await isIn(olaf, 'shed');
    await say(olaf, 'first');
    await until('it is marked', async () => (await heardLines(olaf, 'first'))[0]?.state === 'lost');
    assert(await olaf.locator('#notice-text').textContent() === NOT_STORED, 'the page says why');
    isLost = false;
    await say(olaf, 'second');
    await hears(ida, 'second', false);
    await olaf.click('.again');
    await hears(olaf, 'first', true);
    await talks(ida, ['(You came into shed.)', '(Olaf came in)', 'second', 'first']);
    await talks(olaf, ['(You came into shed.)', 'second', 'first']);
  });

  await scene('what cannot be read is asked for again', async () => {
    const ida = await open('Ida', url);
    await enterNewRoom(ida, 'loft');
    await say(ida, 'before');
    await hears(ida, 'before', true);
    let refusals = 0;
    const olaf = await open('Olaf', `${url}#loft`, DESKTOP, (page) => (
      page.routeWebSocket(/demo_chatroom/, (client) => {
        const upstream = client.connectToServer();
        client.onMessage((text) => {
          if (refusals === 2 || !text.includes('"history"')) return upstream.send(text);
          refusals += 1;
          return client.send(JSON.stringify({ type: 'notice', notice: NOT_READ }));
        });
      })));
    await isIn(olaf, 'loft');
    await say(ida, 'meanwhile');
    await talks(olaf, ['before', '(You came into loft.)', 'meanwhile']);
    assert(refusals === 2, `it was refused ${refusals} times`);
  });
}
