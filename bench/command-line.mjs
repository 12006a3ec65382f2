// Runs the built command line and measures it from outside.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root } from '../scripts/run.mjs';

const WATCH = path.join(root, 'bench/peak-memory.cjs');

/**
 * Runs `deltalens` with these words. Throws with its messages where it fails.
 * @param {readonly string[]} words
 * @returns {{ seconds: number, peakMiB: number, output: string }}
 */
export function runDeltalens(words) {
  const peakFile = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'bench-')), 'peak');
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--require', WATCH, 'dist/cli.js', ...words],
    {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 1 << 30,
      env: { ...process.env, PEAK_MEMORY_FILE: peakFile },
    },
  );
  const seconds = (performance.now() - start) / 1000;
  if (status !== 0) throw new Error(`deltalens ${words.join(' ')} ended with ${status}: ${stderr}`);
  const peakMiB = Number(fs.readFileSync(peakFile, 'utf8')) / 1024;
  fs.rmSync(path.dirname(peakFile), { recursive: true });
  return { seconds, peakMiB, output: stdout };
}

/** @param {readonly number[]} values @param {number} share 0.5 for the median */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
