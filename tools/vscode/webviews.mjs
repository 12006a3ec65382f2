// Webviews of a served VS Code share one service worker. In a fresh browser profile, a webview that loads between the
// worker's activation and its claim of the page waits for good; so register the worker before any webview opens.
import fs from 'node:fs';
import path from 'node:path';
import { vscodeFolder } from './places.mjs';

const PRE = 'out/vs/workbench/contrib/webview/browser/pre/';

/**
 * Registers the worker in a browser context. `updated` resolves when Chromium has finished its first look for a newer
 * worker (about 2 s), which would hold up the second webview.
 * @param {import('playwright-core').BrowserContext} context
 * @param {string} host `127.0.0.1:PORT` of the server
 * @returns {Promise<{ updated: Promise<void> }>}
 */
export async function warmWebviews(context, host) {
  const index = fs.readFileSync(path.join(vscodeFolder, PRE, 'index.html'), 'utf8');
  const worker = fs.readFileSync(path.join(vscodeFolder, PRE, 'service-worker.js'), 'utf8');
  const version = /\bVERSION\s*=\s*(\d+)/.exec(worker)?.[1];
  // Older versions have a worker per webview: nothing to share.
  if (!version || /service-worker\.js\?[^`]*&id=/.test(index)) return { updated: Promise.resolve() };

  const commit = (await (await fetch(`http://${host}/version`)).text()).trim();
  const page = await context.newPage();
  await page.goto(`http://${host}/stable-${commit}/static/${PRE}fake.html`);
  const query = `v=${version}&vscode-resource-base-authority=vscode-resource.vscode-cdn.net&remoteAuthority=${host}&platform=browser`;
  await page.evaluate(register, encodeURI(`service-worker.js?${query}`));
  const updated = page
    .evaluate(async () => {
      await (await navigator.serviceWorker.getRegistration())?.update();
    })
    .catch(() => {})
    .then(() => page.close().catch(() => {}));
  return { updated };
}

/** Runs in the page. @param {string} url */
async function register(url) {
  const registration = await navigator.serviceWorker.register(url);
  const worker = registration.active ?? registration.waiting ?? registration.installing;
  if (worker.state === 'activated') return;
  await new Promise((resolve) => {
    worker.addEventListener('statechange', () => worker.state === 'activated' && resolve(undefined));
  });
}
