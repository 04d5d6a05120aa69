// Drives the chat demo's page in Chromium, against a running server; `run` starts this file.
//
// Three windows take part, each with its own storage: Ida on a desktop, Olaf on a dark phone, and
// Mei on a desktop. The checks below build on each other, in the order of the file. There are no
// pauses of fixed length: every check waits for its condition, up to a deadline.

import { chromium } from 'playwright-core';
import {
  assert, check, complaints, expected, openWindow, setColors, shoot, startServer, stopServer,
  sumUp, until, worstContrast,
} from './support.mjs';
import { RESOLVER, checkOrigins } from './origins.mjs';
import { checkTrial } from './trial.mjs';
import { checkSecure } from './secure.mjs';
import { checkHosts } from './hosts.mjs';
import { checkHistory } from './history.mjs';
import { checkRemembered } from './remembered.mjs';
import { checkPeople } from './people.mjs';
import {
  DESKTOP, enterNewRoom, enterRoom, giveName, hasCount, heardLines, hears, isIn, roomButton, say,
  showRooms, tells,
} from './page.mjs';

const LINES_MAX = 500, ROOMS_MAX = 1024, NEW_ROOMS_MAX = 16;
const PHONE = {
  viewport: { width: 360, height: 740 }, colorScheme: 'dark', deviceScaleFactor: 2,
  isMobile: true, hasTouch: true,
};
const HOSTILE = '<img src=x onerror="window.harmed=1"><script>window.harmed=1</script>'
  + '<b>bold</b> &amp; "quoted" \u{1F389}\u{1F469}\u200D\u{1F469}\u200D\u{1F467} '
  + '\u65E5\u672C\u8A9E';
const HOSTILE_NAME = '<i onclick="window.harmed=1">Mei</i> \u{1F33B}';

// Without a server or a browser there is nothing to check, and that differs from a failure.
function cannotRun(error) {
  console.error(`browser tests: ${error.message}`);
  process.exit(2);
}

let server = await startServer(0).catch(cannotRun);
const url = `http://127.0.0.1:${server.port}/demo_chatroom`;
const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM, headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync', RESOLVER],
}).catch(cannotRun);
const browser = await launch();
const ida = await openWindow(browser, url, 'Ida', DESKTOP).catch(cannotRun);
const olaf = await openWindow(browser, url, 'Olaf', PHONE).catch(cannotRun);
let mei = await openWindow(browser, url, 'Mei', DESKTOP).catch(cannotRun);
const everyone = () => [ida, olaf, mei];

// Stands between one page and the server.
function intercept(handle) {
  return (page) => page.routeWebSocket(/demo_chatroom/, handle);
}

// Makes one page try to connect again at once, if it is not connected.
function comeOnline(page) {
  return page.evaluate(() => dispatchEvent(new Event('online')));
}

// One more window, for one check: a visitor who stayed would spoil the counts of all later ones.
async function visit(who, { address = url, options = DESKTOP, arrange }, body) {
  const page = await openWindow(browser, address, who, options, arrange);
  try {
    await body(page);
  } finally {
    await page.context().close();
  }
}

await check('each window asks for a name, and the field has the focus', async () => {
  for (const page of everyone()) {
    await page.locator('#name-dialog[open]').waitFor();
    assert(await page.locator('#name-input').evaluate((input) => input === document.activeElement),
      'the name field lacks the focus');
  }
  await shoot(ida, 'name-dialog');
  await giveName(ida, 'Ida');
  await giveName(olaf, 'Olaf');
  await giveName(mei, HOSTILE_NAME);
  await until('the name is shown', async () => await mei.textContent('#me-name') === HOSTILE_NAME);
});

await check('a new room appears in every window, and its maker is in it', async () => {
  await enterNewRoom(ida, 'garden');
  for (const page of everyone()) await hasCount(page, 'garden', 1);
  await enterNewRoom(mei, 'kitchen & <b>attic</b> \u{1F3E1}');
  for (const page of everyone()) await hasCount(page, 'kitchen & <b>attic</b> \u{1F3E1}', 1);
});

await check('counts and quiet lines follow who comes and who switches', async () => {
  await enterRoom(olaf, 'garden');
  await tells(ida, 'Olaf came in');
  await enterRoom(mei, 'garden');
  for (const page of everyone()) await hasCount(page, 'garden', 3);
  for (const page of everyone()) await hasCount(page, 'kitchen & <b>attic</b> \u{1F3E1}', 0);
  for (const page of [ida, olaf]) await tells(page, `${HOSTILE_NAME} came in`);
  for (const page of everyone()) {
    await until('the title counts, too',
      async () => await page.textContent('#room-count') === '3 people');
  }
});

await check('messages reach everyone, and only the sender has them as own', async () => {
  await say(ida, 'good morning');
  await hears(ida, 'good morning', true);
  for (const page of [olaf, mei]) {
    const line = await hears(page, 'good morning', false);
    assert(line.author === 'Ida', `the author is ${line.author}`);
    assert(/^\d\d:\d\d$/.test(line.time), `the time is "${line.time}"`);
  }
});

await check('a namesake\'s messages are not taken for own ones', async () => {
  await visit('the namesake', { address: `${url}#garden` }, async (namesake) => {
    await giveName(namesake, 'Ida');
    await isIn(namesake, 'garden');
    await say(namesake, 'I am another Ida');
    await hears(namesake, 'I am another Ida', true);
    await hears(ida, 'I am another Ida', false);
    await say(ida, 'and I am the first');
    await hears(ida, 'and I am the first', true);
    await hears(namesake, 'and I am the first', false);
  });
  await tells(olaf, 'Ida left');
  await hasCount(olaf, 'garden', 3);
});

await check('markup and emoji are shown letter by letter, and nothing of it runs', async () => {
  await say(mei, HOSTILE);
  await hears(mei, HOSTILE, true);
  for (const page of [ida, olaf]) {
    const line = await hears(page, HOSTILE, false);
    assert(line.author === HOSTILE_NAME, `the author is ${line.author}`);
  }
  for (const page of everyone()) {
    const elements = page.locator(':is(#lines, #room-list) :is(img, script, b, i)');
    assert(await elements.count() === 0, 'markup became elements');
    assert(await page.evaluate(() => window.harmed === undefined), 'a script ran');
  }
});

await check('a finger on the send button leaves the keyboard where it is', async () => {
  await olaf.tap('#message');
  await olaf.fill('#message', 'sent with a finger');
  await olaf.tap('#send');
  await hears(ida, 'sent with a finger', false);
  assert(await olaf.evaluate(() => document.activeElement.id) === 'message', 'the focus moved');
});

await check('several lines make one message, and blank ones make none', async () => {
  await ida.fill('#message', 'one');
  await ida.press('#message', 'Shift+Enter');
  await ida.locator('#message').pressSequentially('two');
  await ida.press('#message', 'Enter');
  await hears(olaf, 'one\ntwo', false);
  await say(ida, '   ');
  await say(ida, 'after a blank');
  await hears(olaf, 'after a blank', false);
  const texts = (await heardLines(olaf)).map((line) => line.text.trim());
  assert(!texts.includes(''), 'a blank message went out');
});

await check('switching rooms leaves the old one with a line, and its talk with it', async () => {
  await enterNewRoom(olaf, 'cellar');
  await tells(ida, 'Olaf left');
  for (const page of everyone()) await hasCount(page, 'garden', 2);
  for (const page of everyone()) await hasCount(page, 'cellar', 1);
  assert((await heardLines(olaf)).length === 0, 'the old room\'s messages are still there');
  await say(ida, 'only for the garden');
  await hears(mei, 'only for the garden', false);
  await enterRoom(olaf, 'garden');
  await tells(olaf, 'You came into garden.');
  await say(ida, 'welcome back');
  await hears(olaf, 'welcome back', false);
  const before = (await heardLines(olaf)).filter((line) => line.text === 'only for the garden');
  assert(before.length <= 1, 'what was said before he came is there twice');
});

await check('the browser\'s back button returns to the room before', async () => {
  await olaf.goBack();
  await isIn(olaf, 'cellar');
  await olaf.goForward();
  await isIn(olaf, 'garden');
});

await check('the field of rooms finds rooms, and offers to make only new ones', async () => {
  await ida.fill('#room-input', 'GARD');
  const left = ida.locator('#room-list li:visible');
  await until('one room is left', async () => await left.count() === 1);
  assert(await ida.textContent('#room-submit') === 'Create', 'a new name cannot be made');
  await ida.fill('#room-input', 'garden');
  assert(await ida.textContent('#room-submit') === 'Join', 'a known name is to be made');
  await ida.fill('#room-input', '   ');
  assert(await ida.locator('#room-submit').isDisabled(), 'a blank name can be submitted');
  await ida.press('#room-input', 'Escape');
  assert(await ida.inputValue('#room-input') === '', 'Escape does not clear the field');
});

await check('no field takes more than the server does', async () => {
  for (const [id, most] of [['room-input', 64], ['name-input', 64], ['message', 10_000]]) {
    const limit = await ida.locator(`#${id}`).evaluate((input) => input.maxLength);
    assert(limit > 0 && limit <= most, `#${id} takes ${limit}`);
  }
  // Control characters have the longest escapes of all.
  const longest = '\u0001'.repeat(10_000);
  await say(ida, longest);
  await hears(mei, longest, false);
});

await check('a name and a join are possible with the keyboard alone', async () => {
  await visit('the keyboard', {}, async (page) => {
    await page.locator('#name-dialog[open]').waitFor();
    const focus = () => page.evaluate(() => {
      const at = document.activeElement;
      const style = getComputedStyle(at);
      return { id: at.id, room: at.dataset.room, outlined: style.outlineStyle !== 'none' };
    });
    await page.keyboard.type('Kim');
    await page.keyboard.press('Enter');
    const isAt = (id) => until(`#${id} has the focus`, async () => (await focus()).id === id);
    await isAt('room-input');
    for (let stops = 0; (await focus()).room !== 'garden'; stops += 1) {
      assert(stops < 20, 'the room cannot be reached with the tab key');
      assert((await focus()).outlined, `the focus on "${(await focus()).id}" is not to be seen`);
      await page.keyboard.press('Tab');
    }
    assert((await focus()).outlined, 'the focus on a room is not to be seen');
    await page.keyboard.press('Enter');
    await isIn(page, 'garden');
    await isAt('message');
    await page.keyboard.type('look, no mouse');
    await page.keyboard.press('Enter');
    await hears(page, 'look, no mouse', true);
    await hears(olaf, 'look, no mouse', false);
    await page.keyboard.press('Control+k');
    await isAt('room-input');
    await page.keyboard.press('ArrowDown');
    assert((await focus()).room === 'cellar', 'the arrow does not lead to the first room');
    await page.keyboard.press('Enter');
    await isIn(page, 'cellar');
  });
  for (const other of everyone()) await hasCount(other, 'cellar', 0);
});

await check('a notice is shown, and who gets it stays in the room', async () => {
  // The page itself never asks for an unknown room, so its wish is changed on the way.
  const arrange = intercept((client) => {
    const upstream = client.connectToServer();
    client.onMessage((text) => upstream.send(text.replace('"kitchen', '"no such kitchen')));
  });
  await visit('the lost one', { arrange }, async (page) => {
    await giveName(page, 'Lou');
    await enterRoom(page, 'garden');
    await roomButton(page, 'kitchen & <b>attic</b> \u{1F3E1}').click();
    await until('the notice', async () => await page.textContent('#notice-text')
      === 'Chatroom no such kitchen & <b>attic</b> \u{1F3E1} not found.');
    await isIn(page, 'garden');
    await page.click('#notice-close');
    assert(await page.locator('#notice').isHidden(), 'the notice cannot be dismissed');
    await say(page, 'still here');
    await hears(page, 'still here', true);
  });
});

await check('a room that has made place for another one is made again', async () => {
  let toPage;
  const arrange = intercept((client) => {
    client.connectToServer();
    toPage = client;
  });
  await visit('the late one', { arrange }, async (page) => {
    await giveName(page, 'Lea');
    await enterRoom(page, 'garden');
    // The page lists it, and the server does not know it.
    toPage.send('{"type":"event","event":{"type":"newchatroom","name":"old kiosk"}}');
    await enterRoom(page, 'old kiosk');
    await isIn(page, 'old kiosk');
    assert(await page.locator('#notice').isHidden(), 'there is a notice');
    for (const other of [page, ...everyone()]) await hasCount(other, 'old kiosk', 1);
  });
  for (const other of everyone()) await hasCount(other, 'old kiosk', 0);
});

await check('messages of unknown type and shape change nothing', async () => {
  let toPage;
  const arrange = intercept((client) => {
    client.connectToServer();
    toPage = client;
  });
  await visit('the patient one', { arrange }, async (page) => {
    await giveName(page, 'Pat');
    await enterRoom(page, 'garden');
    for (const odd of ['', 'no JSON', '5', 'null', '[]', '{}', '{"type":"toString"}',
      '{"type":"event"}', '{"type":"event","event":null}',
      '{"type":"event","event":{"type":"__proto__"}}',
      '{"type":"event","event":{"type":"update","data":["garden"]}}',
      '{"type":"event","event":{"type":"update","data":["nowhere",3]}}',
      '{"type":"event","event":{"type":"listing","chatrooms":5}}',
      '{"type":"event","event":{"type":"message","name":7,"message":{}}}',
      '{"type":"join","chatroom":{}}', '{"type":"notice"}', '{"type":"query","query":"age"}']) {
      toPage.send(odd);
    }
    await say(page, 'unmoved');
    await hears(page, 'unmoved', true);
    await isIn(page, 'garden');
    assert(await roomButton(page, 'nowhere').count() === 0, 'an unlisted room appeared');
  });
});

await check('a message that the server never returned can be sent again', async () => {
  let line;
  let loses = true;
  const arrange = intercept((client) => {
    const upstream = client.connectToServer();
    client.onMessage((text) => { if (!loses || !text.includes('unheard')) upstream.send(text); });
    line = client;
  });
  await visit('the unlucky one', { arrange }, async (page) => {
    await giveName(page, 'Una');
    await enterRoom(page, 'garden');
    await say(page, 'unheard');
    await until('the message waits', async () => (
      await heardLines(page)).some(({ text, state }) => text === 'unheard' && state === 'sending'));
    loses = false;
    await line.close({ code: 1012 });
    await page.locator('.again').waitFor();
    await comeOnline(page);
    await isIn(page, 'garden');
    await page.click('.again');
    await hears(page, 'unheard', true);
    await hears(ida, 'unheard', false);
    assert(await page.locator('.again').count() === 0, 'the lost message is still there');
  });
});

await check('closing a window says so to the others', async () => {
  await mei.context().close();
  for (const page of [ida, olaf]) await tells(page, `${HOSTILE_NAME} left`);
  for (const page of [ida, olaf]) await hasCount(page, 'garden', 2);
});

await check('a link to a room leads there once the name is given', async () => {
  mei = await openWindow(browser, `${url}#garden`, 'Mei', DESKTOP);
  await giveName(mei, 'Mei');
  await isIn(mei, 'garden');
});

await check('reloading keeps the name and the room', async () => {
  await mei.reload();
  await isIn(mei, 'garden');
  await hasCount(mei, 'garden', 3);
  assert(await mei.textContent('#me-name') === 'Mei', 'the name is gone');
});

await check('a new name comes back into the same room', async () => {
  await mei.click('#me');
  await giveName(mei, 'May');
  await tells(ida, 'May came in');
  await isIn(mei, 'garden');
  await mei.click('#me');
  await giveName(mei, 'Mei');
  await tells(ida, 'Mei came in');
  await isIn(mei, 'garden');
  for (const page of everyone()) await hasCount(page, 'garden', 3);
});

await check('who has scrolled up stays there, and a button leads to the new messages', async () => {
  for (let turn = 1; turn <= 40; turn += 1) await say(mei, `line ${turn}`);
  await hears(ida, 'line 40', false);
  const atEnd = () => ida.locator('#scroller').evaluate((box) => {
    const last = document.getElementById('lines').lastElementChild.getBoundingClientRect();
    return last.bottom <= box.getBoundingClientRect().bottom + 1;
  });
  assert(await atEnd(), 'the newest message is out of sight');
  await ida.hover('#scroller');
  await ida.mouse.wheel(0, -600);
  await until('the page has scrolled', async () => !await atEnd());
  const line20 = ida.locator('[data-kind=message]', { hasText: 'line 20' }).first();
  const top = () => line20.boundingBox();
  let before = await top();
  // A wheel turns smoothly, so its end is where nothing moves from one look to the next.
  await until('the scrolling ends', async () => {
    const now = await top();
    const rests = now.y === before.y;
    before = now;
    return rests;
  });
  await say(mei, 'something new');
  await ida.locator('#newer').waitFor();
  assert(await ida.textContent('#newer') === '1 new message \u2193', 'the button counts wrong');
  // The place is kept up to the rounding of a scroll position.
  assert(Math.abs((await top()).y - before.y) <= 1, 'the text moved under the reader');
  await ida.click('#newer');
  await until('the end is shown', atEnd);
  assert(await ida.locator('#newer').isHidden(), 'the button stays');
});

await check('nothing is wider than a phone\'s screen', async () => {
  await say(mei, 'W'.repeat(300));
  await hears(olaf, 'W'.repeat(300), false);
  const tooWide = () => olaf.evaluate(() => [...document.querySelectorAll('body *')]
    .filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5
      && element.checkVisibility()).map((element) => element.id || element.className));
  assert((await tooWide()).length === 0, `in the talk: ${await tooWide()}`);
  await enterNewRoom(ida, 'W'.repeat(64));
  await showRooms(olaf);
  await roomButton(olaf, 'W'.repeat(64)).waitFor();
  assert((await tooWide()).length === 0, `in the rooms: ${await tooWide()}`);
  await enterRoom(ida, 'garden');
});

await check('the look follows the system\'s colors, and words stand out from them', async () => {
  const grounds = [];
  for (const colorScheme of ['light', 'dark']) {
    await setColors(mei, colorScheme);
    grounds.push(await mei.evaluate(() => getComputedStyle(document.body).backgroundColor));
    const worst = await mei.evaluate(worstContrast);
    assert(worst.ratio >= 4.5, `${colorScheme}: ${worst.ratio.toFixed(2)} on ${worst.where}`);
  }
  assert(grounds[0] !== grounds[1], 'dark is as light');
  await setColors(mei, 'light');
});

await check('two thousand messages in a burst leave the newest on a bounded page', async () => {
  await enterRoom(olaf, 'garden');
  const started = Date.now();
  await mei.evaluate(async () => {
    const socket = new WebSocket(location.href.replace(/^http/, 'ws').replace(/#.*/, ''));
    const tell = (message) => socket.send(JSON.stringify(message));
    await new Promise((resolve) => { socket.onopen = resolve; });
    tell({ type: 'name', name: 'Flood' });
    tell({ type: 'join', chatroom: 'garden' });
    for (let turn = 1; turn <= 2000; turn += 1) tell({ type: 'message', message: `drop ${turn}` });
    window.flood = socket;
  });
  for (const page of everyone()) {
    await hears(page, 'drop 2000', false);
    const texts = (await heardLines(page)).map((line) => line.text);
    assert(texts.length <= LINES_MAX, `${texts.length} lines are kept`);
    const drops = texts.filter((text) => text.startsWith('drop '));
    assert(drops.every((text, at) => text === `drop ${2000 - at}`), 'the order is lost');
    assert(await page.locator('#newer').isHidden(), 'the page did not follow');
  }
  console.log(`        (shown in all windows after ${Date.now() - started} ms)`);
  await mei.evaluate(() => window.flood.close());
  await tells(ida, 'Flood left');
  for (const page of everyone()) await hasCount(page, 'garden', 3);
});

await checkPeople(browser, url);
// A server other than the binary may keep nothing.
if (!process.env.SWITCHBOARD_COMMAND) await checkHistory(browser, url);

await check('all rooms that the server takes are listed', async () => {
  const have = await mei.locator('.room').count();
  await mei.evaluate(async ([first, roomsMax, newRoomsMax]) => {
    window.builders = [];
    for (let turn = first; turn < roomsMax; turn += newRoomsMax) {
      const socket = new WebSocket(location.href.replace(/^http/, 'ws').replace(/#.*/, ''));
      window.builders.push(socket);
      await new Promise((resolve) => { socket.onopen = resolve; });
      socket.send(JSON.stringify({ type: 'name', name: 'Builder' }));
      for (let room = turn; room < Math.min(turn + newRoomsMax, roomsMax); room += 1) {
        socket.send(JSON.stringify({ type: 'create', chatroom: `room ${room}` }));
      }
    }
  }, [have, ROOMS_MAX, NEW_ROOMS_MAX]);
  for (const page of everyone()) {
    await until('all rooms are listed',
      async () => await page.locator('.room').count() === ROOMS_MAX);
  }
});

await check('a client that makes too many rooms gets a notice, and stays in the last one', async () => {
  await visit('the architect', {}, async (page) => {
    await giveName(page, 'Ari');
    for (let turn = 1; turn <= NEW_ROOMS_MAX; turn += 1) await enterNewRoom(page, `floor ${turn}`);
    await page.fill('#room-input', 'one too many');
    await page.press('#room-input', 'Enter');
    await until('the notice', async () => await page.textContent('#notice-text')
      === `No more than ${NEW_ROOMS_MAX} new chatrooms in a minute.`);
    await isIn(page, `floor ${NEW_ROOMS_MAX}`);
  });
  for (const page of everyone()) await isIn(page, 'garden');
  await say(ida, 'still here, among many rooms');
  await hears(olaf, 'still here, among many rooms', false);
});

await check('the server stops with status 0 on SIGTERM, and the pages say so', async () => {
  await ida.fill('#message', 'half a thou');
  expected.lossOfServer = true;
  await stopServer(server);
  for (const page of everyone()) {
    await until('the page says that the connection was lost', async () => (
      await page.locator('#banner').isVisible()
        && /lost/.test(await page.textContent('#banner-text'))));
    assert(await page.locator('#retry').isVisible(), 'there is no button to try now');
    const current = page.locator('[data-room=garden][aria-current=true]');
    assert(await current.count() === 1, 'the room is not marked any more');
    await until('the list is that of before', async () => (
      await page.textContent('#people-title') === 'Who was here'
        && await page.locator('.person').count() === 3));
  }
  await until('a countdown',
    async () => /Next try in \d+ s/.test(await ida.textContent('#countdown')));
});

await check('typing goes on without the server, and Enter loses nothing', async () => {
  await ida.locator('#message').pressSequentially('ght');
  await ida.press('#message', 'Enter');
  assert(await ida.inputValue('#message') === 'half a thought', 'the draft is gone');
});

await check('after the restart all are back in their room, under their names', async () => {
  // Only in a pause without an end does the button differ from a try that was due anyway.
  await until('a pause', () => ida.evaluate(() => {
    const isPause = document.getElementById('countdown').textContent !== '';
    if (isPause) for (let id = setTimeout(() => {}); id > 0; id -= 1) clearTimeout(id);
    return isPause;
  }));
  server = await startServer(server.port);
  await ida.click('#retry');
  await isIn(ida, 'garden');
  await comeOnline(olaf);
  await isIn(olaf, 'garden');
  await isIn(mei, 'garden');
  expected.lossOfServer = false;
  for (const page of everyone()) {
    await hasCount(page, 'garden', 3);
    assert(await page.locator('#banner').isHidden(), 'the page still says it is not connected');
    assert(await page.locator('#name-dialog').isHidden(), 'the page asks for the name again');
    await until('the list is that of now', async () => (
      await page.textContent('#people-title') === 'Who is here'
        && await page.locator('.person').count() === 3));
  }
  assert(await roomButton(ida, 'cellar').count() === 0, 'a room of the old server is still listed');
  assert(await ida.inputValue('#message') === 'half a thought', 'the draft is gone');
  await hears(ida, 'still here, among many rooms', true);
});

await check('messages flow again', async () => {
  await ida.press('#message', 'Enter');
  await hears(ida, 'half a thought', true);
  for (const page of [olaf, mei]) {
    const line = await hears(page, 'half a thought', false);
    assert(line.author === 'Ida', `the author is ${line.author}`);
  }
  await say(olaf, 'so it was only a short night');
  for (const page of [ida, mei]) await hears(page, 'so it was only a short night', false);
});

await check('pictures of a quiet talk', async () => {
  const others = ['bicycle repairs', 'caf\u00E9', 'chess', 'kitchen \u{1F345}', 'night trains'];
  for (const room of others) await enterNewRoom(mei, room);
  await enterRoom(mei, 'chess');
  await enterNewRoom(ida, 'lighthouse');
  for (const page of [olaf, mei]) await enterRoom(page, 'lighthouse');
  const talk = [
    [mei, 'The lamp is lit again, for the first time in eleven years \u{1F56F}\uFE0F'],
    [olaf, 'I saw it from the ferry!'],
    [olaf, 'Everybody on deck cheered \u{1F389}'],
    [ida, 'Then supper is on me. Saturday at seven, up in the gallery?'],
    [ida, 'Bring a coat, though: the sea side has no glass yet, and the wind has opinions.'],
    [mei, 'Count me in \u{1F44D}'],
  ];
  for (const [speaker, text] of talk) {
    await say(speaker, text);
    for (const page of everyone()) await hears(page, text, page === speaker);
  }
  await ida.mouse.move(0, 0);
  await ida.fill('#message', 'I will bring the');
  for (const colors of ['light', 'dark']) {
    await shoot(ida, `desktop-${colors}`, colors);
    await shoot(olaf, `phone-${colors}`, colors);
    await showRooms(olaf);
    await shoot(olaf, `phone-rooms-${colors}`, colors);
    await enterRoom(olaf, 'lighthouse');
  }
  const link = { address: `${url}#lighthouse`, options: PHONE };
  await visit('the visitor', link, async (visitor) => {
    await visitor.locator('#name-dialog[open]').waitFor();
    await shoot(visitor, 'name-dialog-phone', 'dark');
  });
});

await check('the restarted server stops with status 0, too', async () => {
  expected.lossOfServer = true;
  await stopServer(server);
  for (const page of [ida, olaf]) {
    await until('a countdown', async () => /Next try/.test(await page.textContent('#countdown')));
  }
  for (const colors of ['light', 'dark']) {
    await shoot(ida, `reconnecting-desktop-${colors}`, colors);
    await shoot(olaf, `reconnecting-phone-${colors}`, colors);
  }
  // They would go on trying to connect.
  for (const page of everyone()) await page.context().close();
  expected.lossOfServer = false;
});

// Another server in place of the binary may try no programs.
if (!process.env.SWITCHBOARD_COMMAND) await checkTrial(browser, PHONE);

await check('no window complained, and none asked for anything but its own address', async () => {
  assert(complaints.length === 0, complaints.join('\n'));
});

// A server other than the binary may have no such rules.
if (!process.env.SWITCHBOARD_COMMAND) await checkOrigins(browser);

// A build without the feature has no Redis, no SQLite, or no TLS.
if (process.env.SWITCHBOARD_REDIS) await checkHosts(browser, launch);
if (process.env.SWITCHBOARD_SQLITE) await checkRemembered(browser);
if (process.env.SWITCHBOARD_TLS) await checkSecure();

await browser.close();
sumUp();
