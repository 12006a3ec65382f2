// `npm test`: installs what is missing, builds, and runs every step of test-steps.mjs.
// --only=unit,lint runs these steps; --bail stops at the first step that fails.
import { spawn } from 'node:child_process';
import os from 'node:os';
import { installPackages } from './install.mjs';
import { flag, Refusal, root, run, runMain } from './run.mjs';
import { runSteps } from './test-lanes.mjs';
import { STEPS } from './test-steps.mjs';
import { installChromium, installVSCode } from './vscode-env.mjs';

// A window of VS Code wants a processor and a gigabyte for itself: one more of them than there are processors made all slower.
const MOST_LANES = 4;

await runMain(async () => {
  const steps = chosenSteps();
  const start = performance.now();
  prepare(steps);
  const outcomes = await runSteps(steps, {
    lanes: Math.min(MOST_LANES, os.availableParallelism()),
    bail: flag('bail') !== undefined,
    run: runCommand,
    show: (text) => process.stdout.write(text),
  });
  report(outcomes, (performance.now() - start) / 1000);
});

function chosenSteps() {
  const names = flag('only')?.split(',');
  if (!names) return STEPS;
  const unknown = names.filter((name) => !STEPS.some((step) => step.name === name));
  if (unknown.length > 0) {
    const known = STEPS.map((step) => step.name).join(', ');
    throw new Refusal(`There is no step ${unknown.join(', ')}. Steps: ${known}.`);
  }
  return STEPS.filter((step) => names.includes(step.name));
}

/** Installs and builds what the steps need. @param {typeof STEPS} steps */
function prepare(steps) {
  /** @param {'build' | 'vscode' | 'chromium'} thing */
  const needed = (thing) => steps.some((step) => step.needs.includes(thing));
  installPackages();
  if (needed('vscode') && process.env.VSCODE_DESKTOP !== '1') installVSCode();
  if (needed('chromium')) installChromium();
  if (!needed('build')) return;
  console.log('Building ...');
  run(process.execPath, ['scripts/build.mjs']);
}

/** Runs a command to its end. @type {import('./test-lanes.mjs').Options['run']} */
function runCommand({ words, env = {} }, print) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, words, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', print);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

/**
 * The table of steps and the closing line.
 * @param {readonly import('./test-lanes.mjs').Outcome[]} outcomes
 * @param {number} seconds of everything, with what was installed and built
 */
function report(outcomes, seconds) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  console.log('\nstep        result   passed  failed  skipped     time');
  for (const { step, ok, counts, seconds } of outcomes) {
    for (const key of /** @type {const} */ (['passed', 'failed', 'skipped'])) total[key] += counts[key];
    const numbers = `${cell(counts.passed, 6)}  ${cell(counts.failed, 6)}  ${cell(counts.skipped, 7)}`;
    console.log(
      `${step.name.padEnd(10)}  ${ok ? 'ok    ' : 'FAILED'}   ${numbers}  ${cell(seconds.toFixed(1), 7)} s`,
    );
  }
  console.log(`\nAll of it took ${seconds.toFixed(0)} s; steps run side by side.`);
  console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  if (outcomes.some((outcome) => !outcome.ok)) process.exitCode = 1;
}

/** @param {string | number} value @param {number} width */
function cell(value, width) {
  return String(value).padStart(width);
}
