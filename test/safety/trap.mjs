// Loaded before the command line, and in its worker threads (node --import): whatever reaches out of the process is written down, and fails.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const reports = [];

/** @param {Record<string, any>} owner @param {string} name @param {string} what */
function forbid(owner, name, what) {
  if (typeof owner[name] !== 'function') return;
  owner[name] = () => {
    reports.push(what);
    throw new Error(`${what} is forbidden here`);
  };
}

const modules = {
  child_process: ['spawn', 'spawnSync', 'exec', 'execSync', 'execFile', 'execFileSync', 'fork'],
  dgram: ['createSocket'],
  dns: ['lookup', 'resolve'],
  http: ['request', 'get'],
  https: ['request', 'get'],
  net: ['connect', 'createConnection', 'createServer'],
  tls: ['connect'],
};
for (const [module, names] of Object.entries(modules)) {
  for (const name of names) forbid(require(`node:${module}`), name, `${module}.${name}`);
}
forbid(require('node:net').Socket.prototype, 'connect', 'a connection');
forbid(require('node:child_process').ChildProcess.prototype, 'spawn', 'a process');
forbid(globalThis, 'fetch', 'fetch');
forbid(process, 'dlopen', 'a native module');

const fs = require('node:fs');
const writing = ['writeFile', 'appendFile', 'mkdir', 'mkdtemp', 'rm', 'rmdir', 'unlink', 'rename', 'symlink'];
const changing = ['link', 'truncate', 'chmod', 'chown', 'utimes', 'copyFile', 'cp', 'createWriteStream'];
for (const name of [...writing, ...changing]) {
  for (const owner of [fs, fs.promises]) {
    forbid(owner, name, `fs.${name}`);
    forbid(owner, `${name}Sync`, `fs.${name}Sync`);
  }
}
for (const [owner, name] of [
  [fs, 'open'],
  [fs, 'openSync'],
  [fs.promises, 'open'],
]) {
  const open = owner[name];
  owner[name] = (file, flags, ...more) => {
    if (flags !== 'r' && flags !== undefined && typeof flags !== 'function' && flags !== 0) {
      reports.push(`fs.${name}(${file}, ${flags})`);
      throw new Error('writing is forbidden here');
    }
    return open.call(owner, file, flags, ...more);
  };
}
process.on('exit', () => {
  process.stderr.write(`\nTRAPPED ${JSON.stringify(reports)}\n`);
});
