// `npm start`: opens VS Code on the sample study, from a fresh clone with nothing but Node.js and npm.
// The desktop `code` where there is one; otherwise (or with --serve) VS Code served to a browser on --port (default 8137).
// --no-open prints the address only. Node builtins only.
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { findProgram } from '../tools/vscode/places.mjs';
import { linkExtension, startServer, writeSettings } from '../tools/vscode/server.mjs';
import { installPackages } from './install.mjs';
import { flag, Refusal, root, run, runMain } from './run.mjs';
import { installVSCode } from './vscode-env.mjs';

const samples = path.join(root, 'samples');
const DEFAULT_PORT = 8137;

await runMain(async () => {
  installPackages();
  console.log('Building ...');
  run(process.execPath, ['scripts/build.mjs']);
  const desktop = flag('serve') === undefined ? findDesktop() : undefined;
  if (desktop) openDesktop(desktop);
  else await serve();
});

/** The desktop's command line program, where it can show a window. */
function findDesktop() {
  const { DISPLAY, WAYLAND_DISPLAY, VSCODE_IPC_HOOK_CLI } = process.env;
  // In the terminal of a remote window, `code` is a messenger that cannot load an extension from a folder.
  if (VSCODE_IPC_HOOK_CLI) return undefined;
  if (process.platform === 'linux' && !DISPLAY && !WAYLAND_DISPLAY) return undefined;
  const application = '/Applications/Visual Studio Code.app/Contents/Resources/app/bin/code';
  return findProgram('code') ?? (fs.existsSync(application) ? application : undefined);
}

/** Opens a window of its own user data, so that nobody's settings and windows are touched. @param {string} code */
function openDesktop(code) {
  const data = path.join(root, 'out/desktop');
  writeSettings({ data, user: data });
  console.log(`Opening VS Code (${code}) on ${samples} ...`);
  const words = ['--new-window', `--extensionDevelopmentPath=${root}`, `--user-data-dir=${data}`, samples];
  const shell = process.platform === 'win32';
  const quote = (/** @type {string} */ word) => (shell ? `"${word}"` : word);
  const { status, error } = spawnSync(quote(code), words.map(quote), { stdio: 'inherit', shell });
  if (status !== 0)
    throw new Refusal(`${code} failed${error ? `: ${error.message}` : ''}. Try: npm start -- --serve`);
}

/** Serves VS Code until Ctrl-C. */
async function serve() {
  installVSCode();
  const folders = { data: path.join(root, 'out/served') };
  fs.rmSync(path.join(folders.data, 'extensions'), { recursive: true, force: true });
  writeSettings(folders);
  linkExtension(folders, root);
  const wanted = flag('port');
  const port = wanted ? Number(wanted) : await freePort(DEFAULT_PORT);
  const token = randomBytes(16).toString('hex');
  const server = await startServer(folders, { port, token });
  const address = `http://${server.host}/?tkn=${token}&folder=${encodeURI(samples)}`;
  console.log(`\nDeltalens is open on the sample study at\n\n  ${address}\n\nCtrl-C ends it.`);
  if (flag('no-open') === undefined) openBrowser(address);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => void server.stop());
  await server.ended;
}

/** `port` where it is free, otherwise any. @param {number} port @returns {Promise<number>} */
function freePort(port) {
  return new Promise((resolve) => {
    const probe = net.createServer();
    probe.once('error', () => resolve(0));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(port)));
  });
}

/** Opens the address in the user's browser where there is one to ask. @param {string} address */
function openBrowser(address) {
  const opener = { darwin: 'open', linux: 'xdg-open' }[/** @type {'darwin' | 'linux'} */ (process.platform)];
  const program = opener && findProgram(opener);
  if (!program || (process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY))
    return;
  spawn(program, [address], { stdio: 'ignore', detached: true })
    .once('error', () => {})
    .unref();
}
