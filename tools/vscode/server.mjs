// Starts VS Code's own server on loopback. Node builtins only.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { vscodeFolder, vscodeNode } from './places.mjs';

const ENTRY = path.join(vscodeFolder, 'out/server-main.js');
const SETTINGS = new URL('settings.json', import.meta.url);

/**
 * @typedef {object} Folders
 * @property {string} data the server's own files (logs, sockets, and all that is not named below)
 * @property {string} [user] user data, default `data/data`
 * @property {string} [extensions] installed extensions, default `data/extensions`
 */

/** @param {Folders} folders */
function folderFlags({ data, user, extensions }) {
  return [
    '--accept-server-license-terms',
    ...['--server-data-dir', data],
    ...(user ? ['--user-data-dir', user] : []),
    ...(extensions ? ['--extensions-dir', extensions] : []),
  ];
}

/**
 * Runs the server's command line (`--install-extension=F`, `--list-extensions`, `--version`) and waits for its end.
 * @param {Folders} folders
 * @param {readonly string[]} flags
 * @returns {{ code: number, output: string }}
 */
export function runServerCommand(folders, flags) {
  const { status, stdout, stderr } = spawnSync(vscodeNode, [ENTRY, ...folderFlags(folders), ...flags], {
    encoding: 'utf8',
  });
  return { code: status ?? 1, output: `${stdout ?? ''}${stderr ?? ''}` };
}

/**
 * Writes user settings where the server looks for them, unless there are some already.
 * @param {Folders} folders
 * @param {Record<string, unknown>} [more] settings beside the quiet ones of settings.json
 */
export function writeSettings({ data, user }, more = {}) {
  const file = path.join(user ?? path.join(data, 'data'), 'User/settings.json');
  if (fs.existsSync(file)) return;
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const quiet = JSON.parse(fs.readFileSync(SETTINGS, 'utf8'));
  fs.writeFileSync(file, `${JSON.stringify({ ...quiet, ...more }, null, 2)}\n`);
}

/**
 * Makes the server load an extension from the folder where it is developed.
 * @param {Folders} folders
 * @param {string} extension folder with its package.json
 */
export function linkExtension({ data, extensions = path.join(data, 'extensions') }, extension) {
  const { publisher, name, version } = JSON.parse(
    fs.readFileSync(path.join(extension, 'package.json'), 'utf8'),
  );
  fs.mkdirSync(extensions, { recursive: true });
  fs.symlinkSync(
    path.resolve(extension),
    path.join(extensions, `${publisher}.${name}-${version}`),
    'junction',
  );
}

/**
 * Starts the server and waits until it listens. Rejects with the server's output when it ends before that.
 * With a `token`, only addresses with `tkn=` of it are answered: without one, any web page that the user has open could
 * talk to the server.
 * @param {Folders} folders
 * @param {{ port?: number, flags?: readonly string[], token?: string }} [options]
 */
export async function startServer(folders, { port = 0, flags = [], token } = {}) {
  fs.mkdirSync(folders.data, { recursive: true });
  const server = spawn(
    vscodeNode,
    [
      ENTRY,
      ...folderFlags(folders),
      ...['--host', '127.0.0.1', '--port', String(port)],
      ...(token ? ['--connection-token', token] : ['--without-connection-token']),
      // Without a short grace time every closed page leaves its extension host running for hours.
      ...['--telemetry-level', 'off', '--reconnection-grace-time', '1'],
      ...flags,
    ],
    {
      // No gallery: the server would ask a marketplace. Its sockets go into its own folder, not the system's.
      env: { ...process.env, EXTENSIONS_GALLERY: '{}', TMPDIR: folders.data, XDG_RUNTIME_DIR: folders.data },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  const listening = await new Promise((resolve, reject) => {
    /** @param {Buffer} chunk */
    const read = (chunk) => {
      output += chunk;
      const found = /Extension host agent listening on (\d+)/.exec(output);
      if (found) resolve(Number(found[1]));
    };
    server.stdout.on('data', read);
    server.stderr.on('data', read);
    server.once('error', reject);
    server.once('exit', (code) => reject(new Error(`VS Code's server ended (${code}).\n${output}`)));
  });
  return {
    /** `127.0.0.1:PORT` */
    host: `127.0.0.1:${listening}`,
    /** All it has printed so far. */
    output: () => output,
    /** Resolves when the process has ended. */
    ended: new Promise((resolve) => server.once('exit', resolve)),
    stop: () => stop(server),
  };
}

/** @param {import('node:child_process').ChildProcess} server */
async function stop(server) {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const gone = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGTERM');
  const impatient = setTimeout(() => server.kill('SIGKILL'), 5000);
  await gone;
  clearTimeout(impatient);
}
