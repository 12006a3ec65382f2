import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type ConsoleMessage, type Page } from 'playwright-core';
import { THEMES, type ThemeName } from './themes';

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const NONCE = 'a-nonce-for-tests';
const CANDIDATES = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

/** Path of a Chromium on this machine, or `undefined`. */
export const CHROMIUM = CANDIDATES.find((candidate) => candidate !== undefined && fs.existsSync(candidate));

/** For `test(..., { skip })`: why views cannot be tested here, or `false`. */
export const NO_CHROMIUM = CHROMIUM
  ? false
  : 'there is no Chromium on this machine (set CHROMIUM to its path)';

export type ViewName = 'result' | 'checkpoint';

/** Bundles the views as they are shipped, unless that was done since their sources last changed. */
export function buildViews(): void {
  const sources = ['webview', 'src/figure', 'src/protocol'].flatMap((folder) =>
    filesBelow(path.join(ROOT, folder)),
  );
  const built = ['result', 'checkpoint'].flatMap((name) => [`${name}.js`, `${name}.css`]);
  const times = built.map((name) => changedAt(path.join(ROOT, 'dist', 'webview', name)));
  if (Math.min(...times) >= Math.max(...sources.map(changedAt))) return;
  execFileSync(process.execPath, ['scripts/build.mjs', '--only=result,checkpoint'], {
    cwd: ROOT,
    stdio: 'inherit',
  });
}

function filesBelow(folder: string): string[] {
  const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => /\.(ts|css)$/.test(name)).map((name) => path.join(folder, name));
}

function changedAt(file: string): number {
  return fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

export interface OpenViewOptions {
  readonly theme?: ThemeName;
  readonly width?: number;
  readonly height?: number;
  /** What `getState()` gives at the start. */
  readonly state?: unknown;
  readonly deviceScale?: number;
}

/** A message that the view sent. */
export interface Sent {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** A view in a browser page, with the extension's end of its messages. */
export interface OpenView {
  readonly page: Page;
  /** Sends a message as the extension would. */
  send(message: unknown): Promise<void>;
  /** All messages of a type that the view has sent so far. */
  sent(type: string): Promise<Sent[]>;
  /** Waits until the view has sent that many messages of a type; gives the last. */
  waitFor(type: string, count?: number): Promise<Sent>;
  /** What the view last put into `setState`. */
  state(): Promise<unknown>;
  setTheme(theme: ThemeName): Promise<void>;
  /** Waits until what has happened so far is drawn, and drawn again where that changed sizes. */
  settled(): Promise<void>;
  /** Errors, and violations of the content security policy, so far. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

/** Repeats a check until it holds, since pages draw in frames to come; after 20 s it fails as it last did. */
export async function soon(check: () => Promise<void>): Promise<void> {
  const end = performance.now() + 20_000;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Starts the browser for views. Software drawing, so that results do not depend on a graphics card. */
export async function launchBrowser(): Promise<Browser> {
  const args = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--font-render-hinting=none'];
  return chromium.launch({ executablePath: CHROMIUM, args });
}

/**
 * Opens a view on a page like the one that the extension makes, with the same content security policy. Views of one browser come
 * one after the other in one tab, which is several times quicker than a profile for each.
 */
export async function openView(
  browser: Browser,
  view: ViewName,
  options: OpenViewOptions = {},
): Promise<OpenView> {
  const { theme = 'dark', width = 1200, height = 800, deviceScale = 1 } = options;
  const page = await tabOf(browser, deviceScale);
  await page.setViewportSize({ width, height });
  const complaints: string[] = [];
  const complain = (error: Error) => complaints.push(error.message);
  const listen = (message: ConsoleMessage) => {
    if (message.type() === 'error') complaints.push(message.text());
  };
  page.on('pageerror', complain).on('console', listen);
  await page.goto(await addressOf(pageText(view, theme, options.state)));
  const sent = (type: string) =>
    page.evaluate((wanted) => window.sentMessages.filter((message) => message.type === wanted), type);
  const opened: OpenView = {
    page,
    complaints,
    sent,
    // As text: Playwright walks large objects slowly.
    send: (message) =>
      page.evaluate((text) => window.postMessage(JSON.parse(text), '*'), JSON.stringify(message)),
    async waitFor(type, count = 1) {
      await page.waitForFunction(
        ([wanted, least]) => window.sentMessages.filter((message) => message.type === wanted).length >= least,
        [type, count] as const,
      );
      const last = (await sent(type)).at(-1);
      if (!last) throw new Error(`no message ${type}`);
      return last;
    },
    state: () => page.evaluate(() => window.savedState),
    settled: () =>
      page.evaluate(async () => {
        for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
      }),
    setTheme: (name) =>
      page.evaluate(({ bodyClass, style }) => {
        document.documentElement.style.cssText = style;
        document.body.className = bodyClass;
      }, themeOf(name)),
    async close() {
      page.off('pageerror', complain).off('console', listen);
      // Where the pointer rests, the next view would show a tooltip.
      await page.mouse.move(0, 0);
      await page.goto('about:blank');
    },
  };
  await opened.waitFor('ready');
  return opened;
}

declare global {
  interface Window {
    sentMessages: Sent[];
    savedState: unknown;
  }
}

function themeOf(name: ThemeName): { bodyClass: string; style: string } {
  const { bodyClass, variables } = THEMES[name];
  const font =
    '--vscode-font-family: "Segoe UI", Ubuntu, "DejaVu Sans", sans-serif; --vscode-font-size: 13px;';
  const mono = '--vscode-editor-font-family: "DejaVu Sans Mono", monospace;';
  const colours = Object.entries(variables).map(([key, value]) => `--vscode-${key}: ${value};`);
  return { bodyClass, style: [font, mono, ...colours].join(' ') };
}

const tabs = new WeakMap<Browser, Map<number, Page>>();

async function tabOf(browser: Browser, deviceScaleFactor: number): Promise<Page> {
  const tabsOfBrowser = tabs.get(browser) ?? new Map<number, Page>();
  tabs.set(browser, tabsOfBrowser);
  const open = tabsOfBrowser.get(deviceScaleFactor);
  if (open && !open.isClosed()) return open;
  const context = await browser.newContext({ deviceScaleFactor });
  const made = await context.newPage();
  tabsOfBrowser.set(deviceScaleFactor, made);
  return made;
}

/** Texts of pages by their paths. */
const served = new Map<string, string>();
let server: Promise<string> | undefined;

/** Serves a page, beside the files of the views; gives its address. */
async function addressOf(html: string): Promise<string> {
  server ??= startServer();
  const name = `view-${String(served.size + 1)}`;
  served.set(name, html);
  return `${await server}/${name}`;
}

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.ttf': 'font/ttf',
};

async function startServer(): Promise<string> {
  const started = http.createServer((request, response) => {
    const name = path.basename(new URL(request.url ?? '/', 'http://localhost').pathname);
    const html = served.get(name);
    const file = path.join(ROOT, 'dist', 'webview', name);
    if (html !== undefined) {
      response.setHeader('content-type', 'text/html; charset=utf-8').end(html);
    } else if (fs.existsSync(file)) {
      response
        .setHeader('content-type', TYPES[path.extname(name)] ?? 'text/plain')
        .setHeader('cache-control', 'max-age=3600')
        .end(fs.readFileSync(file));
    } else {
      response.writeHead(name === 'favicon.ico' ? 204 : 404).end();
    }
  });
  // The test ends when its browser does.
  started.unref();
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  const address = started.address();
  return `http://127.0.0.1:${String(typeof address === 'object' && address ? address.port : 0)}`;
}

function pageText(view: ViewName, theme: ThemeName, state: unknown): string {
  const { bodyClass, style } = themeOf(theme);
  const policy = `default-src 'none'; img-src 'self' blob: data:; font-src 'self'; style-src 'self' 'nonce-${NONCE}'; script-src 'nonce-${NONCE}'`;
  const stub = `
    window.sentMessages = [];
    window.savedState = ${JSON.stringify(state ?? null) ?? 'null'} ?? undefined;
    window.acquireVsCodeApi = () => ({
      postMessage: (message) => { window.sentMessages.push(structuredClone(message)); },
      getState: () => window.savedState,
      setState: (state) => { window.savedState = structuredClone(state); return state; },
    });
    document.addEventListener('securitypolicyviolation', (event) => console.error('CSP: ' + event.violatedDirective + ' ' + event.blockedURI));
    document.documentElement.style.cssText = ${JSON.stringify(style)};`;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="${policy}">
    <link rel="stylesheet" href="codicon.css"><link rel="stylesheet" href="${view}.css">
    <script nonce="${NONCE}">${stub}</script></head>
    <body class="${bodyClass}"><main id="root"></main><script nonce="${NONCE}" src="${view}.js"></script></body></html>`;
}
