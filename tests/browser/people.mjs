// Who is in a room, on the page: the list, those who look alike, the invitation, and what the page
// asks of the server for it. Each check has a room of its own, which it leaves.

import { assert, setColors, shoot, until, worstContrast } from './support.mjs';
import {
  DESKTOP, enterNewRoom, giveName, hasCount, hears, isIn, say, scenes, tells,
} from './page.mjs';

const NAMES_MAX = 256;
const PHONE = {
  viewport: { width: 360, height: 740 }, colorScheme: 'light', deviceScaleFactor: 2,
  isMobile: true, hasTouch: true,
};

// The entries of the list, each as the name that is seen, and what is noted beside it.
function listed(page) {
  return page.locator('#people-list').evaluate((list) => [...list.children].map((item) => {
    const name = item.querySelector('bdi'), note = item.querySelector('small');
    return name ? `${name.textContent}|${note.textContent}` : item.textContent;
  }));
}

function lists(page, entries) {
  const wanted = JSON.stringify(entries);
  let last = '';
  return until(`the list ${wanted}`, async () => {
    last = JSON.stringify(await listed(page));
    return last === wanted;
  }).catch((error) => { throw new Error(`${error.message}, but ${last}`); });
}

// Runs in the page: the texts of the talk that lie under an element, at least in part.
function textsUnder(id) {
  const over = document.getElementById(id).getBoundingClientRect();
  const scroller = document.getElementById('scroller').getBoundingClientRect();
  const nodes = document.createTreeWalker(document.getElementById('talk'), NodeFilter.SHOW_TEXT);
  const found = [];
  while (nodes.nextNode()) {
    const text = nodes.currentNode;
    if (!text.data.trim() || text.parentElement.closest(`#${id}`)) continue;
    if (!text.parentElement.checkVisibility()) continue;
    const isInTalk = text.parentElement.closest('#scroller') !== null;
    const range = document.createRange();
    range.selectNodeContents(text);
    for (const box of range.getClientRects()) {
      const top = isInTalk ? Math.max(box.top, scroller.top) : box.top;
      const bottom = isInTalk ? Math.min(box.bottom, scroller.bottom) : box.bottom;
      const overlaps = top < bottom && top < over.bottom && bottom > over.top
        && box.left < over.right && box.right > over.left;
      if (overlaps) found.push(text.data);
    }
  }
  return found;
}

async function isReadable(page) {
  for (const colorScheme of ['dark', 'light']) {
    await setColors(page, colorScheme);
    const worst = await page.evaluate(worstContrast);
    assert(worst.ratio >= 4.5, `${colorScheme}: ${worst.ratio.toFixed(2)} on ${worst.where}`);
  }
  const tooWide = await page.evaluate(() => [...document.querySelectorAll('body *')]
    .filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5
      && element.checkVisibility()).map((element) => element.id || element.className));
  assert(tooWide.length === 0, `wider than the screen: ${tooWide}`);
}

// What goes over the wire of this window from now on, as `who` and its answers.
function noteWho(notes) {
  return async (page) => page.on('websocket', (socket) => {
    const note = (list) => ({ payload }) => {
      const message = JSON.parse(payload);
      if (message.type === 'who') list.push(message);
    };
    socket.on('framesent', note(notes.asked));
    socket.on('framereceived', note(notes.answers));
  });
}

// Many more people, each with a connection of its own, from one window.
function comeInCrowd(page, room, prefix, count) {
  return page.evaluate(async ([chatroom, name, most]) => {
    window.crowd = [];
    for (let number = 1; number <= most; number += 1) {
      const socket = new WebSocket(location.href.replace(/^http/, 'ws').replace(/#.*/, ''));
      window.crowd.push(socket);
      await new Promise((resolve) => { socket.onopen = resolve; });
      socket.send(JSON.stringify({ type: 'name', name: `${name} ${number}` }));
      socket.send(JSON.stringify({ type: 'join', chatroom }));
    }
  }, [room, prefix, count]);
}

export async function checkPeople(browser, url) {
  const { open, scene } = scenes(browser);

  await scene('who is in a room is listed, and the list follows who comes and goes', async () => {
    const ida = await open('Ida', url);
    await enterNewRoom(ida, 'terrace');
    await lists(ida, ['Ida|you']);
    const olaf = await open('Olaf', `${url}#terrace`);
    await lists(ida, ['Ida|you', 'Olaf|']);
    await lists(olaf, ['Olaf|you', 'Ida|']);
    const zoe = await open('Zoe', `${url}#terrace`);
    for (const name of ['Mei', 'Abel']) await open(name, `${url}#terrace`);
    await lists(ida, ['Ida|you', 'Abel|', 'Mei|', 'Olaf|', 'Zoe|']);
    await lists(zoe, ['Zoe|you', 'Abel|', 'Ida|', 'Mei|', 'Olaf|']);
    await enterNewRoom(zoe, 'balcony');
    await lists(zoe, ['Zoe|you']);
    await lists(ida, ['Ida|you', 'Abel|', 'Mei|', 'Olaf|']);
    await zoe.context().close();
    await olaf.click('#me');
    await giveName(olaf, 'Ole');
    await lists(ida, ['Ida|you', 'Abel|', 'Mei|', 'Ole|']);
    await isReadable(ida);
  });

  await scene('people of one name differ on the page, and so do names that look alike', async () => {
    const notes = { asked: [], answers: [] };
    const ida = await open('Ida', url, DESKTOP, noteWho(notes));
    await enterNewRoom(ida, 'hall');
    const other = await open('Ida', `${url}#hall`);
    await lists(ida, ['Ida|you, 1 of 2', 'Ida|2 of 2']);
    await lists(other, ['Ida|you, 1 of 2', 'Ida|2 of 2']);
    // One with a space without width, one that is turned around.
    for (const name of ['\u202EIda', '\u202EadI']) await open(name, `${url}#hall`);
    const phone = await open('I\u200Bda', `${url}#hall`, PHONE);
    await phone.tap('#people-toggle');
    await until('all five are listed', async () => (await listed(ida)).length === 5);
    const entries = await listed(ida);
    const numbers = entries.map((entry) => entry.split('|')[1]).sort();
    assert(JSON.stringify(numbers) === '["","2 of 4","3 of 4","4 of 4","you, 1 of 4"]',
      `the entries are ${entries}`);
    assert(entries.includes('adI|'), 'a name is turned around on the page');
    await until('the phone has them', async () => (await listed(phone)).length === 5);
    for (const colors of ['light', 'dark']) {
      await shoot(ida, `namesakes-desktop-${colors}`, colors);
      await shoot(phone, `namesakes-phone-${colors}`, colors);
    }
    await other.context().close();
    await until('three Idas are left', async () => (await listed(ida))[0] === 'Ida|you, 1 of 3');
    await ida.reload();
    await until('an answer', () => notes.answers.length === 2);
    const names = JSON.stringify(notes.answers[1].names);
    assert(names === JSON.stringify(['\u202EIda', '\u202EadI', 'I\u200Bda', 'Ida']),
      `the wire has ${names}`);
  });

  await scene('hostile and long names are shown as text, in their place', async () => {
    const long = 'W'.repeat(64), marks = 'Z\u0301\u0302\u0303\u0304'.repeat(12);
    const markup = '<img src=x onerror="window.harmed=1">', lines = 'two\u2028li\tnes';
    const others = [long, marks, markup, lines, '\u200B', '\u05E9\u05E8\u05D4 (admin)'];
    for (const options of [DESKTOP, PHONE]) {
      const page = await open('Ida', url, options);
      const room = `the ${options.isMobile ? 'small' : 'large'} cave`;
      await enterNewRoom(page, room);
      const guests = [];
      for (const name of others) guests.push(await open(name, `${url}#${room}`));
      await until('all are listed', async () => (await listed(page)).length === 7);
      const entries = await listed(page);
      for (const name of [long, marks, markup, lines, others.at(-1)]) {
        assert(entries.includes(`${name}|`), `${name} is not in ${entries}`);
      }
      assert(entries.includes('somebody without a name|'), 'a name that is not seen has no words');
      assert(await page.locator(':is(#lines, #people) :is(img, script)').count() === 0,
        'markup became elements');
      assert(await page.evaluate(() => window.harmed === undefined), 'a script ran');
      if (options.isMobile) await page.tap('#people-toggle');
      await isReadable(page);
      const spills = await page.locator('#people-list').evaluate((list) => (
        list.scrollWidth > list.clientWidth));
      assert(!spills, 'a name is wider than the list');
      const device = options.isMobile ? 'phone' : 'desktop';
      for (const colors of ['light', 'dark']) {
        await shoot(page, `names-${device}-${colors}`, colors);
      }
      for (const guest of guests) await guest.context().close();
    }
  });

  await scene('an empty room invites, by a link that leads there', async () => {
    const ida = await open('Ida', url);
    await ida.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    // A page that came from elsewhere without TLS has no clipboard.
    const phone = await open('Pia', url, PHONE, (page) => page.addInitScript(() => {
      Object.defineProperty(Navigator.prototype, 'clipboard', { value: undefined });
    }));
    for (const [page, room] of [[ida, 'green house \u{1F33F}'], [phone, 'a shed']]) {
      await enterNewRoom(page, room);
      await until('the invitation', async () => (
        await page.textContent('#invite-title') === 'Nobody else is here'));
      const copies = await page.locator('#copy').isVisible();
      assert(copies === (page === ida), `a button to copy: ${copies}`);
      assert(copies || await page.textContent('#link') === page.url(), 'the link is another one');
      assert(await page.locator('#link').isVisible() === !copies, 'there is a link, and a button');
      await isReadable(page);
      const device = page === phone ? 'phone' : 'desktop';
      for (const colors of ['light', 'dark']) {
        await shoot(page, `empty-room-${device}-${colors}`, colors);
      }
    }
    await ida.click('#copy');
    await until('the link is copied', async () => await ida.textContent('#copy') === 'Copied');
    const link = await ida.evaluate(() => navigator.clipboard.readText());
    const olaf = await open('Olaf', link);
    await isIn(olaf, 'green house \u{1F33F}');
    for (const page of [ida, olaf]) {
      await until('another invitation', async () => (
        await page.textContent('#invite-title') === 'No message since you came in'));
      assert(!await page.locator('#copy').isVisible(), 'there is still a link');
    }
    await say(olaf, 'so many leaves');
    await hears(ida, 'so many leaves', false);
    for (const page of [ida, olaf]) {
      assert(await page.locator('#invite').isHidden(), 'the invitation stays');
    }
    await olaf.context().close();
    await tells(ida, 'Olaf left');
    await until('the invitation is back', async () => (
      await ida.textContent('#invite-title') === 'Nobody else is here'
        && await ida.locator('#invite').isVisible()));
  });

  await scene('on a phone the list is over the talk, and goes by a tap and by Escape', async () => {
    const page = await open('Ida', url, PHONE);
    await enterNewRoom(page, 'pier');
    await open('Olaf', `${url}#pier`);
    const people = page.locator('#people'), toggle = page.locator('#people-toggle');
    const is = async (shown) => {
      assert(await people.isVisible() === shown, `the list is ${shown ? 'not ' : ''}there`);
      assert(await toggle.getAttribute('aria-expanded') === String(shown), 'it says otherwise');
    };
    await is(false);
    await toggle.tap();
    await is(true);
    await lists(page, ['Ida|you', 'Olaf|']);
    await page.tap('#message');
    await is(false);
    await toggle.tap();
    await page.keyboard.press('Escape');
    await is(false);
    assert(await page.evaluate(() => document.activeElement.id) === 'people-toggle',
      'the focus is lost');
    // On a wider screen it has its place, until it is closed there.
    await page.setViewportSize({ width: 1100, height: 740 });
    await until('the list is there', () => people.isVisible());
    await page.click('#people-toggle');
    await is(false);
    await enterNewRoom(page, 'quay');
    await is(false);
  });

  await scene('the button to new messages covers no text', async () => {
    for (const options of [DESKTOP, PHONE]) {
      const page = await open('Ida', url, options);
      const room = options.isMobile ? 'lower deck' : 'upper deck';
      await enterNewRoom(page, room);
      const olaf = await open('Olaf', `${url}#${room}`);
      const more = 'so '.repeat(30);
      for (let turn = 1; turn <= 40; turn += 1) await say(olaf, `line ${turn}, ${more}`);
      await until('40 lines', async () => await page.locator('[data-kind=message]').count() === 40);
      await page.locator('#scroller').evaluate((scroller) => { scroller.scrollTop = -500; });
      const line30 = page.locator('[data-kind=message]', { hasText: 'line 30,' });
      const top = async () => (await line30.boundingBox()).y;
      const before = await top();
      await say(olaf, 'something new');
      await page.locator('#newer').waitFor();
      assert(Math.abs(await top() - before) <= 1, 'the text moved under the reader');
      // Where the button could lie over a line, some place of the talk brings one there.
      for (let step = 0; step < 24; step += 1) {
        await page.locator('#scroller').evaluate((scroller) => { scroller.scrollTop -= 3; });
        const covered = await page.evaluate(textsUnder, 'newer');
        assert(covered.length === 0, `it covers ${JSON.stringify(covered)}`);
      }
      await isReadable(page);
      await shoot(page, `newer-${options.isMobile ? 'phone' : 'desktop'}`);
      await page.click('#newer');
      await until('the end is shown', async () => await page.locator('#newer').isHidden()
        && page.locator('#scroller').evaluate((scroller) => scroller.scrollTop === 0));
    }
  });

  await scene('a crowd that comes and goes is not asked for at each step', async () => {
    const notes = { asked: [], answers: [] };
    const started = Date.now();
    const ida = await open('Ida', url, DESKTOP, noteWho(notes));
    await enterNewRoom(ida, 'stadium');
    const gates = [];
    for (const name of ['Ann', 'Bob', 'Cid']) {
      const gate = await open(name, url);
      await comeInCrowd(gate, 'stadium', name, 100);
      gates.push(gate);
    }
    await hasCount(ida, 'stadium', 301);
    await until('as many as are listed', async () => (
      (await listed(ida)).at(-1) === `and ${301 - NAMES_MAX} more`));
    assert((await listed(ida)).length === NAMES_MAX + 1, 'too many are listed');
    assert(notes.asked.length === 1, `it asked ${notes.asked.length} times`);
    const late = await open('Late', `${url}#stadium`);
    await until('the same list from the server', async () => (
      (await listed(late)).at(-1) === `and ${302 - NAMES_MAX - 1} more`));
    // Most of those who are listed leave, and others take their places.
    for (const gate of gates.slice(0, 2)) await gate.context().close();
    await until('a whole list', async () => (
      (await listed(ida)).length === 102 && !(await listed(ida)).at(-1).endsWith('more')));
    const most = 1 + (Date.now() - started) / 1000;
    assert(notes.asked.length >= 2 && notes.asked.length <= most, `asked ${notes.asked.length}`);
    assert(notes.answers.length === notes.asked.length, 'there are answers without a question');
  });

  await scene('a server that does not list people is shown by its counts', async () => {
    const arrange = (page) => page.routeWebSocket(/demo_chatroom/, (client) => {
      const upstream = client.connectToServer();
      client.onMessage((text) => { if (text !== '{"type":"who"}') upstream.send(text); });
    });
    const ida = await open('Ida', url);
    await enterNewRoom(ida, 'old mill');
    const olaf = await open('Olaf', `${url}#old mill`, DESKTOP, arrange);
    await lists(olaf, ['Olaf|you', 'and 1 more']);
    await open('Mei', `${url}#old mill`);
    await lists(olaf, ['Olaf|you', 'Mei|', 'and 1 more']);
  });
}
