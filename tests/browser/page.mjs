// The chat demo's page in the words of a visitor. Everything is found by its stable ids and data
// attributes, never by its looks.

import { check, openWindow, until } from './support.mjs';

export const DESKTOP = { viewport: { width: 1180, height: 760 }, colorScheme: 'light' };

export async function giveName(page, name) {
  await page.locator('#name-dialog[open]').waitFor();
  await page.fill('#name-input', name);
  await page.click('#name-submit');
  await page.locator('#name-dialog').waitFor({ state: 'hidden' });
}

export async function showRooms(page) {
  if (await page.locator('#back').isVisible()) await page.click('#back');
}

export async function enterNewRoom(page, room) {
  await showRooms(page);
  await page.fill('#room-input', room);
  await page.click('#room-submit');
  await isIn(page, room);
}

export async function enterRoom(page, room) {
  await showRooms(page);
  await roomButton(page, room).click();
  await isIn(page, room);
}

export async function isIn(page, room) {
  // A room stays marked while the connection is lost.
  const current = page.locator('body:has(#talk[aria-busy=false]) [data-room][aria-current=true]');
  await until(`"${room}" is the current room`, async () => (
    await current.evaluateAll((rooms) => rooms.map(({ dataset }) => dataset.room)))[0] === room);
}

export function roomButton(page, room) {
  return page.locator(`[data-room=${JSON.stringify(room)}]`);
}

export async function hasCount(page, room, count) {
  await until(`"${room}" counts ${count}`,
    async () => await roomButton(page, room).locator('.count').textContent() === String(count));
}

export async function say(page, text) {
  await page.fill('#message', text);
  await page.press('#message', 'Enter');
}

// The messages on the page, the newest first; only those with the text if one is given.
export function heardLines(page, wanted = null) {
  return page.locator('#lines').evaluate((lines, text) => [...lines.children].reverse()
    .filter((line) => line.dataset.kind === 'message')
    .filter((line) => text === null || line.querySelector('.text').textContent === text)
    .map((line) => ({
      author: line.dataset.author,
      own: line.dataset.own === 'true',
      state: line.dataset.state,
      text: line.querySelector('.text').textContent,
      time: line.querySelector('time').textContent,
    })), wanted);
}

export async function hears(page, text, own) {
  return until(`a message "${text.slice(0, 40)}", own: ${own}`, async () => (
    await heardLines(page, text))
    .find((line) => line.own === own && (!own || line.state === 'sent')));
}

export async function tells(page, text) {
  await until(`a quiet line "${text}"`, async () => (
    await page.locator('[data-kind=quiet]').allTextContents()).includes(text));
}

// Checks with windows of their own, which are closed after each.
export function scenes(browser) {
  const windows = [];
  const open = async (who, address, options = DESKTOP, arrange = undefined) => {
    const page = await openWindow(browser, address, who, options, arrange);
    windows.push(page);
    await giveName(page, who);
    return page;
  };
  const scene = (title, body) => check(title, async () => {
    try {
      await body();
    } finally {
      await Promise.all(windows.splice(0).map((page) => page.context().close()));
    }
  });
  return { open, scene };
}
