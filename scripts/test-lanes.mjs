// Runs the commands of the steps of `npm test` side by side, as many as there are lanes, and shows their output in the
// order of the steps.
import { OrderedOutput } from './ordered-output.mjs';
import { readCounts } from './test-counts.mjs';

/** @typedef {import('./test-steps.mjs').Step} Step */
/** @typedef {import('./test-steps.mjs').Command} Command */
/** @typedef {{ step: Step, ok: boolean, counts: import('./test-counts.mjs').Counts, seconds: number }} Outcome */

/**
 * @typedef {object} Options
 * @property {number} lanes commands at a time
 * @property {boolean} bail whether nothing is started any more after a failure
 * @property {(command: Command, print: (text: string) => void) => Promise<number>} run resolves to the exit code
 * @property {(text: string) => void} show
 */

/**
 * Runs all steps. The commands of a stage run side by side, its next stage after them; free lanes take commands of later
 * steps. A step that is `alone` has the machine to itself. A stage that fails is the last of its step.
 * @param {readonly Step[]} steps
 * @param {Options} options
 * @returns {Promise<Outcome[]>} those that ran to their end or failed, in the order of the steps
 */
export async function runSteps(steps, { lanes, bail, run, show }) {
  const output = new OrderedOutput(show);
  const all = steps.map((step, index) => new RunningStep(step, output, `${index + 1}/${steps.length}`));
  /** @type {Set<Promise<void>>} */
  const running = new Set();
  for (;;) {
    const next = running.size < lanes && !(bail && all.some(({ ok }) => !ok)) ? nextStep(all) : undefined;
    if (next) {
      const done = next.startOne(run).then(() => void running.delete(done));
      running.add(done);
    } else if (running.size > 0) await Promise.race(running);
    else break;
  }
  return all.flatMap((step) => step.outcome ?? []);
}

/** The first step with a command that may start now. @param {readonly RunningStep[]} all */
function nextStep(all) {
  const busy = all.filter((one) => one.running > 0);
  for (const one of all) {
    if (one.outcome) continue;
    if (busy.some((other) => other !== one && (other.step.alone || one.step.alone))) return undefined;
    if (one.waiting.length > 0) return one;
    if (one.step.alone) return undefined;
  }
  return undefined;
}

class RunningStep {
  running = 0;
  ok = true;
  counts = { passed: 0, failed: 0, skipped: 0 };
  /** Commands of the current stage that have not begun. @type {Command[]} */
  waiting = [];
  /** @type {Outcome | undefined} */
  outcome;
  #stages;
  #begin = 0;

  /** @param {Step} step @param {OrderedOutput} output @param {string} place */
  constructor(step, output, place) {
    this.step = step;
    this.output = output;
    this.title = `\n━━ ${place} ${step.title} (${step.name}) ━━\n`;
    this.heading = output.open();
    this.closing = output.open();
    this.#stages = [...step.stages()];
    this.waiting = [...(this.#stages.shift() ?? [])];
  }

  /** Runs the next command of the stage. @param {Options['run']} run */
  async startOne(run) {
    const command = this.waiting.shift();
    if (!command) return;
    if (!this.heading.closed) {
      this.#begin = performance.now();
      this.heading.close(this.title);
    }
    this.running += 1;
    const place = this.output.open(this.closing);
    let text = '';
    const code = await run(command, (part) => {
      text += part;
      place.write(part);
    });
    place.close();
    this.running -= 1;
    this.#count(code, text);
    if (this.running === 0 && this.waiting.length === 0) this.#endStage();
  }

  /** @param {number} code @param {string} text */
  #count(code, text) {
    // A command without tests in it counts as one.
    const found = readCounts(text) ?? { passed: code === 0 ? 1 : 0, failed: 0, skipped: 0 };
    this.counts.passed += found.passed;
    this.counts.skipped += found.skipped;
    this.counts.failed += code === 0 ? found.failed : Math.max(1, found.failed);
    this.ok &&= code === 0 && found.failed === 0;
  }

  #endStage() {
    const next = this.ok ? this.#stages.shift() : undefined;
    if (next) {
      this.waiting = [...next];
      return;
    }
    const seconds = (performance.now() - this.#begin) / 1000;
    this.outcome = { step: this.step, ok: this.ok, counts: this.counts, seconds };
    this.closing.close(`━━ ${this.step.name}: ${this.ok ? 'ok' : 'FAILED'}, ${seconds.toFixed(1)} s\n`);
  }
}
