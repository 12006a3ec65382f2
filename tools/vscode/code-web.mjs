#!/usr/bin/env node
// Stands in for the desktop `code` program in extension tests, with the same flags (--extensionDevelopmentPath,
// --extensionTestsPath, --user-data-dir, --extensions-dir, a folder): the workbench runs in headless Chromium and the
// extension host in a VS Code server on loopback. Exits with the test run's code. --install-extension,
// --list-extensions, --uninstall-extension and --version go to the server's own command line.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { format } from 'node:util';
import { chromium } from 'playwright-core';
import { CHROMIUM_FLAGS, findChromium } from './places.mjs';
import { runServerCommand, startServer, writeSettings } from './server.mjs';
import { warmWebviews } from './webviews.mjs';

const SERVER_COMMANDS = [
  ...['install-extension', 'uninstall-extension', 'list-extensions'],
  ...['show-versions', 'force', 'version'],
];
const limitSeconds = Number(process.env.CODE_WEB_TIMEOUT_S ?? 300);

const asked = readFlags(process.argv.slice(2));
const data = fs.mkdtempSync(path.join(os.tmpdir(), 'code-web-'));
const folders = {
  data,
  user: path.resolve(asked.flags['user-data-dir'] ?? path.join(data, 'user')),
  ...(asked.flags['extensions-dir'] ? { extensions: path.resolve(asked.flags['extensions-dir']) } : {}),
};

if (asked.serverCommands.length > 0) {
  const { code, output } = runServerCommand(folders, asked.serverCommands);
  process.stdout.write(output);
  removeData();
  process.exit(code);
}

/** What has to be closed at the end. @type {{ close?: () => Promise<unknown>, stop?: () => Promise<void> }[]} */
const open = [];
let ending = false;
setTimeout(() => void end(124, `no end after ${limitSeconds} s`), limitSeconds * 1000).unref();
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void end(130));
try {
  await openWorkbench();
} catch (error) {
  await end(1, error instanceof Error ? error.message : String(error));
}

/** @param {readonly string[]} words */
function readFlags(words) {
  /** @type {Record<string, string>} */
  const flags = {};
  const developed = [];
  const folder = [];
  const serverCommands = [];
  for (const word of words) {
    const [, name, value] = /^--([\w-]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (name === undefined) folder.push(word);
    else if (name === 'extensionDevelopmentPath') developed.push(value ?? '.');
    else if (SERVER_COMMANDS.includes(name)) serverCommands.push(word);
    else flags[name] = value ?? ''; // desktop flags without a meaning here are taken and ignored
  }
  return { flags, developed, folder: folder[0], serverCommands };
}

async function openWorkbench() {
  writeSettings(folders);
  // A built VS Code takes development and test extensions from the address only with the test driver.
  const server = await startServer(folders, { flags: ['--enable-smoke-test-driver'] });
  open.push(server);
  void server.ended.then(() => end(1, `the server ended\n${server.output()}`));
  const browser = await chromium.launch({ executablePath: findChromium(), args: CHROMIUM_FLAGS });
  open.push(browser);
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const warm = await warmWebviews(context, server.host);
  await warm.updated;
  const page = await context.newPage();
  if (process.env.CODE_WEB_VERBOSE) {
    await page.exposeFunction('codeAutomationLog', (type, words) =>
      console.error(`[${type}] ${format(...words)}`),
    );
  }
  await page.exposeFunction('codeAutomationExit', async (code) => {
    const shot = process.env.CODE_WEB_SHOT;
    if (code !== 0 && shot) await page.screenshot({ path: shot }).catch(() => {});
    await end(code);
  });
  page.on('crash', () => void end(1, 'the page crashed'));
  await page.goto(address(server.host));
}

/** The workbench's address; its payload carries what the desktop takes as flags. @param {string} host */
function address(host) {
  const tests = asked.flags.extensionTestsPath;
  const payload = [
    ...asked.developed.map((folder) => ['extensionDevelopmentPath', remote(host, folder)]),
    ...(tests ? [['extensionTestsPath', remote(host, tests)]] : []),
    ['skipWelcome', 'true'],
    ['skipReleaseNotes', 'true'],
  ];
  const folder = asked.folder && path.resolve(asked.folder);
  const kind = folder?.endsWith('.code-workspace') ? 'workspace' : 'folder';
  const where = folder ? `${kind}=${encodeURI(folder)}` : 'ew=true';
  return `http://${host}/?${where}&payload=${encodeURIComponent(JSON.stringify(payload))}`;
}

/** VS Code's server wants test entries as existing files with their ending. @param {string} host @param {string} name */
function remote(host, name) {
  const full = path.resolve(name);
  const file = [full, `${full}.js`, path.join(full, 'index.js')].find(
    (candidate) => fs.existsSync(candidate) && fs.statSync(candidate).isFile(),
  );
  return `vscode-remote://${host}${file ?? full}`;
}

/** @param {number} code @param {string} [why] */
async function end(code, why) {
  if (ending) return;
  ending = true;
  if (why) console.error(`code-web: ${why}`);
  for (const one of open.reverse()) await (one.stop ?? one.close)?.call(one).catch(() => {});
  removeData();
  process.exit(code);
}

function removeData() {
  fs.rmSync(data, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
