// Runs the Python peers of this folder: NumPy, PyTorch and numba as Debian packages them.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const PACKAGES = ['python3-numpy', 'python3-torch', 'python3-numba'];
/** Debian's own, whatever else stands first on the path. */
const PYTHON = '/usr/bin/python3';
const VERSIONS = `
import importlib, json
found = {}
for name in ("numpy", "torch", "numba"):
    try:
        found[name] = importlib.import_module(name).__version__
    except ImportError:
        pass
print(json.dumps(found))`;

/** A peer that is not done after so long is stopped, and counts as one that takes longer. */
export const LONGEST_SECONDS = 90;

/** @typedef {{ seconds: number, peakMiB: number, result: readonly number[] }} PeerRun */

/** @type {Record<string, string> | undefined} */
let versions;

/**
 * Versions of the peers' packages, of those that there are. Installs them by apt where this runs as root on Debian, and
 * says so once where it cannot.
 */
export function peerVersions() {
  if (versions) return versions;
  versions = askVersions();
  if (Object.keys(versions).length === PACKAGES.length) return versions;
  if (process.getuid?.() === 0 && fs.existsSync('/usr/bin/apt-get')) {
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', ...PACKAGES], { stdio: 'ignore' });
    versions = askVersions();
  }
  if (Object.keys(versions).length < PACKAGES.length) {
    console.log(
      `Without all Python peers: they need ${PACKAGES.join(', ')} (Debian), which are not all here.\n`,
    );
  }
  return versions;
}

function askVersions() {
  const { status, stdout } = spawnSync(PYTHON, ['-c', VERSIONS], { encoding: 'utf8' });
  return status === 0 ? JSON.parse(stdout) : {};
}

/** `numpy 1.24.2, torch 1.13.0`, or that there are none. */
export function peerNames() {
  const names = Object.entries(peerVersions()).map(([name, version]) => `${name} ${version}`);
  return names.length > 0 ? names.join(', ') : 'no Python peers here';
}

/**
 * Runs one peer: a script of this folder with its way of doing it and its files. `null` where what it needs is not there;
 * infinite seconds where it takes too long. `threads` is what its libraries may use by themselves; the chunked peers make
 * two threads of their own.
 * @param {string} script @param {string} how @param {readonly string[]} words @param {number} [threads]
 * @returns {PeerRun | null}
 */
export function runPeer(script, how, words, threads = 1) {
  const needed = how.replace('whole-', '');
  if (!(needed in peerVersions())) return null;
  const printed = runScript(script, [how, ...words], threads);
  return /** @type {PeerRun | null} */ (printed) ?? { seconds: Infinity, peakMiB: Number.NaN, result: [] };
}

/**
 * What the peer that decomposes a matrix prints, versions and seconds by what was called; `null` where numpy is not there or
 * it takes too long.
 * @param {readonly (string | number)[]} words
 * @returns {Record<string, any> | null}
 */
export function runDecompositions(words) {
  if (!('numpy' in peerVersions())) return null;
  return runScript('singular_values.py', words.map(String), os.availableParallelism());
}

/**
 * What a script prints, parsed; `null` where it takes too long or crashes.
 * @param {string} script @param {readonly string[]} words @param {number} threads @param {number} [longest] seconds
 * @returns {Record<string, any> | null}
 */
export function runScript(script, words, threads, longest = LONGEST_SECONDS) {
  const { status, stdout, stderr, error } = spawnSync(
    PYTHON,
    [path.join(import.meta.dirname, script), ...words],
    {
      encoding: 'utf8',
      timeout: 1000 * longest,
      maxBuffer: 1 << 28,
      env: {
        ...process.env,
        OMP_NUM_THREADS: String(threads),
        OPENBLAS_NUM_THREADS: String(threads),
        NUMBA_NUM_THREADS: String(threads),
        PYTHONDONTWRITEBYTECODE: '1',
      },
    },
  );
  // Without an exit code: it crashed, or was stopped for the time it took.
  if (status === null && (!error || ('code' in error && error.code === 'ETIMEDOUT'))) return null;
  if (status !== 0) throw new Error(`${script} ${words[0]} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
}
