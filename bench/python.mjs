// Runs the Python programs that we are measured against.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { root } from '../scripts/run.mjs';

/** Debian's own first: its numpy and torch are what the figures are compared with. */
const INTERPRETERS = ['/usr/bin/python3', 'python3'];

/**
 * What a program of bench/peers prints, parsed; `null` where no Python has numpy.
 * @param {string} program @param {readonly (string | number)[]} words
 * @returns {Record<string, any> | null}
 */
export function runPeer(program, words) {
  for (const interpreter of INTERPRETERS) {
    const has = spawnSync(interpreter, ['-c', 'import numpy'], { stdio: 'ignore' });
    if (has.status !== 0) continue;
    const file = path.join(root, 'bench/peers', program);
    const { status, stdout, stderr } = spawnSync(interpreter, [file, ...words.map(String)], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`);
    return JSON.parse(stdout);
  }
  return null;
}
