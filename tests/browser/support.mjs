// What any browser test of this project needs: the server as a child, conditions with a deadline,
// the list of checks, and windows that note whatever they must not do. It knows no page.

import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';

// The deadline of each single wait, on any machine. The pauses of the page
// between its tries, which grow up to 30 s, and a clean stop of the server are far shorter.
const DEADLINE_MS = 120_000;
const SERVER_LOG = 'target/browser-server.log';
export const SHOTS = 'target/browser-screenshots';

mkdirSync(SHOTS, { recursive: true });
const serverLog = createWriteStream(SERVER_LOG);

// Conditions.

export async function until(what, condition) {
  const end = Date.now() + DEADLINE_MS;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${DEADLINE_MS / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}

export function assert(holds, what) {
  if (!holds) throw new Error(what);
}

// Checks.

let passed = 0;
let failed = 0;

export async function check(title, body) {
  try {
    await body();
    passed += 1;
    console.log(`ok      ${title}`);
  } catch (error) {
    failed += 1;
    // The driver's account of each of its tries is longer than it is useful.
    const reason = error.message.replace(/\nCall log:[^]*/, '').replaceAll('\n', '\n        ');
    console.log(`FAILED  ${title}\n        ${reason}`);
  }
}

export function sumUp() {
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
}

// The server.

const children = new Set();
process.once('exit', () => children.forEach((child) => child.kill('SIGKILL')));

export async function startServer(port, more = []) {
  const command = process.env.SWITCHBOARD_COMMAND?.trim().split(/\s+/)
    ?? [process.env.SWITCHBOARD_BINARY ?? 'target/release/switchboard'];
  const args = [...command.slice(1), '-o', '127.0.0.1', '-p', String(port), ...more];
  const child = spawn(command[0], args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const server = { child, port: 0, end: null, log: '', printed: '' };
  child.once('exit', (code, signal) => { server.end = signal ?? code; });
  child.once('error', (error) => { server.end = error.message; });
  children.add(child);
  for (const stream of [child.stdout, child.stderr]) stream.pipe(serverLog, { end: false });
  child.stdout.on('data', (bytes) => { server.printed += bytes; });
  child.stderr.on('data', (bytes) => { server.log += bytes; });
  const address = () => /http:\/\/127\.0\.0\.1:(\d+)/.exec(server.printed);
  await until('the server prints its address', () => server.end !== null || address());
  if (!address()) throw new Error(`the server did not start (${server.end}), see ${SERVER_LOG}`);
  server.port = Number(address()[1]);
  return server;
}

export async function stopServer(server) {
  assert(server.end === null, `the server has ended before, with ${server.end}`);
  server.child.kill('SIGTERM');
  await until('the server ends', () => server.end !== null);
  assert(server.end === 0, `the exit status is ${server.end}`);
}

// Windows.

export const complaints = [];
// While no server listens, the browser itself reports each vain try to connect.
export const expected = { lossOfServer: false };

// Opens `url` in a context of its own. Noted down is whatever the page reports as an error or a
// warning, policy violations among them, and any request for anything but the page's own address.
export async function openWindow(browser, url, who, options, arrange = async () => {}) {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  context.setDefaultTimeout(DEADLINE_MS);
  const page = await context.newPage();
  const { host, pathname } = new URL(url);
  const complain = (text) => complaints.push(`${who}: ${text}`);
  page.on('pageerror', (error) => complain(error.message));
  page.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return;
    const isVain = /WebSocket connection to .* failed/.test(message.text());
    if (!(expected.lossOfServer && isVain)) complain(message.text());
  });
  const visited = (address) => {
    const target = new URL(address);
    if (target.protocol === 'data:') return;
    if (target.host !== host || target.pathname !== pathname) complain(`asked for ${address}`);
  };
  page.on('request', (request) => visited(request.url()));
  page.on('websocket', (socket) => visited(socket.url()));
  await arrange(page);
  await page.goto(url);
  return page;
}

// Colors change by way of a short transition; what lies halfway is not to be judged.
export async function setColors(page, colorScheme) {
  await page.emulateMedia({ colorScheme });
  await page.evaluate(() => Promise.allSettled(
    document.getAnimations().map((animation) => animation.finished)));
}

export async function shoot(page, name, colorScheme = 'light') {
  await setColors(page, colorScheme);
  await page.screenshot({ path: `${SHOTS}/${name}.png` });
}

// Runs in the page: the lowest contrast (WCAG 2) between any visible text and what lies behind it.
export function worstContrast() {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const paint = (colors) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const color of colors) {
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
    }
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  let worst = { ratio: 21, where: 'nothing' };
  for (const element of document.querySelectorAll('body *')) {
    const speaks = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!speaks || !element.checkVisibility() || element.offsetWidth <= 1) continue;
    if (element.closest('script, svg, :disabled, [aria-disabled=true]')) continue;
    const grounds = [];
    for (let at = element; at !== null; at = at.parentElement) {
      grounds.unshift(getComputedStyle(at).backgroundColor);
    }
    const behind = paint(grounds);
    const front = paint([...grounds, getComputedStyle(element).color]);
    const [high, low] = [luminance(behind), luminance(front)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    const where = element.id || element.className || element.tagName;
    if (ratio < worst.ratio) worst = { ratio, where };
  }
  return worst;
}
