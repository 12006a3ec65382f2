// Brings node_modules up to package-lock.json where it is missing or older. Node builtins only.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { isMain, root, run, runMain } from './run.mjs';

const lockFile = path.join(root, 'package-lock.json');
const stamp = path.join(root, 'node_modules/.deltalens-lock');

/** Runs `npm ci` unless node_modules was installed from this very package-lock.json. */
export function installPackages() {
  const wanted = createHash('sha256').update(fs.readFileSync(lockFile)).digest('hex');
  if (installed() === wanted) return;
  console.log('Installing packages (npm ci) ...');
  run('npm', ['ci', '--loglevel=error', '--no-fund', '--no-audit']);
  fs.writeFileSync(stamp, wanted);
}

/** Lock file hash that node_modules was installed from. An `npm install` by hand counts when it is newer than the lock. */
function installed() {
  if (fs.existsSync(stamp)) return fs.readFileSync(stamp, 'utf8');
  const byHand = path.join(root, 'node_modules/.package-lock.json');
  if (!fs.existsSync(byHand) || fs.statSync(byHand).mtimeMs < fs.statSync(lockFile).mtimeMs) return undefined;
  return createHash('sha256').update(fs.readFileSync(lockFile)).digest('hex');
}

if (isMain(import.meta.url)) await runMain(installPackages);
