// `npm test`: installs what is missing, builds, and runs every step of test-steps.mjs.
// --only=unit,lint runs these steps; --bail stops at the first step that fails.
import { spawn } from 'node:child_process';
import { installPackages } from './install.mjs';
import { flag, Refusal, root, run, runMain } from './run.mjs';
import { readCounts } from './test-counts.mjs';
import { STEPS } from './test-steps.mjs';
import { installChromium, installVSCode } from './vscode-env.mjs';

await runMain(async () => {
  const steps = chosenSteps();
  prepare(steps);
  const outcomes = [];
  for (const [index, step] of steps.entries()) {
    console.log(`\n━━ ${index + 1}/${steps.length} ${step.title} (${step.name}) ━━`);
    const outcome = await runStep(step);
    outcomes.push(outcome);
    console.log(`━━ ${outcome.ok ? 'ok' : 'FAILED'}, ${outcome.seconds.toFixed(1)} s`);
    if (!outcome.ok && flag('bail') !== undefined) break;
  }
  report(outcomes);
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

/** @param {(typeof STEPS)[number]} step */
async function runStep(step) {
  const start = performance.now();
  const counts = { passed: 0, failed: 0, skipped: 0 };
  let ok = true;
  for (const command of step.commands()) {
    const { code, output } = await runCommand(command);
    // A command without tests in it counts as one.
    const found = readCounts(output) ?? { passed: code === 0 ? 1 : 0, failed: 0, skipped: 0 };
    counts.passed += found.passed;
    counts.skipped += found.skipped;
    counts.failed += code === 0 ? found.failed : Math.max(1, found.failed);
    ok &&= code === 0 && found.failed === 0;
    if (!ok) break;
  }
  return { step, ok, counts, seconds: (performance.now() - start) / 1000 };
}

/** Shows and keeps what a command prints. @param {import('./test-steps.mjs').Command} command */
function runCommand({ words, env = {} }) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, words, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        output += text;
        process.stdout.write(text);
      });
    }
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

/** The table of steps and the closing line. @param {Awaited<ReturnType<typeof runStep>>[]} outcomes */
function report(outcomes) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  console.log('\nstep        result   passed  failed  skipped     time');
  for (const { step, ok, counts, seconds } of outcomes) {
    for (const key of /** @type {const} */ (['passed', 'failed', 'skipped'])) total[key] += counts[key];
    const numbers = `${cell(counts.passed, 6)}  ${cell(counts.failed, 6)}  ${cell(counts.skipped, 7)}`;
    console.log(
      `${step.name.padEnd(10)}  ${ok ? 'ok    ' : 'FAILED'}   ${numbers}  ${cell(seconds.toFixed(1), 7)} s`,
    );
  }
  console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  if (outcomes.some((outcome) => !outcome.ok)) process.exitCode = 1;
}

/** @param {string | number} value @param {number} width */
function cell(value, width) {
  return String(value).padStart(width);
}
