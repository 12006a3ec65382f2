// The bundle's entry: fuzzes in this process, or runs some inputs once.
import { performance } from 'node:perf_hooks';
import { TARGETS } from '../registry';
import { BOUNDS, type FuzzTarget } from '../target';
import { branches, countersEnd, instrumentedModules, meter, resetMeter } from './meter';
import { Mutator, Random, tokenBytes } from './mutate';

/** An input that breaks what has to hold. */
export interface Find {
  readonly target: string;
  /** The same for inputs that break the same at the same place. */
  readonly key: string;
  readonly message: string;
  readonly input: Uint8Array;
}

/** What an input cost. */
export interface Cost {
  readonly work: number;
  readonly bytes: number;
  readonly milliseconds: number;
}

/** What a run of one target came to. */
export interface Report {
  readonly executions: number;
  readonly seconds: number;
  /** Counters of the target's modules that were reached, and all of them. */
  readonly reached: number;
  readonly counters: number;
  readonly corpus: readonly Uint8Array[];
  readonly finds: readonly Find[];
  readonly slowest: Cost & { readonly input: Uint8Array };
}

/** Milliseconds, for an input of at most 8 KiB. */
const LONGEST_RUN = 500;
const MOST_CORPUS = 4000;
const MOST_FINDS = 20;
/** Runs of a branch that count as the same: 1, 2, 3, 4–7, 8–15, … (as AFL has them). */
const BUCKETS = Uint8Array.from({ length: 256 }, (_, runs) =>
  runs < 4
    ? ([0, 1, 2, 4][runs] ?? 0)
    : runs < 8
      ? 8
      : runs < 16
        ? 16
        : runs < 32
          ? 32
          : runs < 128
            ? 64
            : 128,
);

// Stacks of errors that parsers throw inside of them cost more than parsing.
Error.stackTraceLimit = 4;

/** Every target. */
export const targets: readonly FuzzTarget[] = TARGETS;

/** Runs an input once. `null` where all holds. */
export async function runOnce(target: FuzzTarget, input: Uint8Array): Promise<Find | null> {
  const found = await attempt(target, input);
  return found === null ? null : { target: target.name, input, ...found };
}

/** Work, allocations and time of the processor of an input: others may be waited for. */
export async function costOf(target: FuzzTarget, input: Uint8Array): Promise<Cost> {
  const start = process.cpuUsage();
  await attempt(target, input);
  const { user, system } = process.cpuUsage(start);
  return { work: meter.work, bytes: meter.bytes, milliseconds: (user + system) / 1000 };
}

async function attempt(
  target: FuzzTarget,
  input: Uint8Array,
): Promise<Omit<Find, 'target' | 'input'> | null> {
  const { workPerByte, workConstant, bytesPerByte, bytesConstant } = { ...BOUNDS, ...target.bounds };
  const mostWork = workPerByte * input.length + workConstant;
  const mostBytes = bytesPerByte * input.length + bytesConstant;
  resetMeter(mostWork, mostBytes);
  let thrown: unknown = null;
  try {
    const running = target.run(input);
    if (running !== undefined) await running;
  } catch (error) {
    thrown = error ?? new Error('something empty was thrown');
  }
  // Readers that turn every exception into a problem would hide that a bound was passed.
  const over = meter.work > mostWork ? 'work' : meter.bytes > mostBytes ? 'allocation' : null;
  if (over !== null) {
    const place = placeOf(meter.caught ?? thrown);
    return {
      key: `${over} ${place}`,
      message: `${over}: ${String(meter.work)} steps, ${String(meter.bytes)} bytes allocated, input of ${String(input.length)}; ${place}`,
    };
  }
  if (thrown === null) return null;
  const message = thrown instanceof Error ? (thrown.stack ?? thrown.message) : 'something else than an error';
  const kind = thrown instanceof Error ? thrown.message.split(/[:"\d]/)[0] : 'thrown';
  return { key: `${kind} ${placeOf(thrown)}`, message };
}

/** The innermost function of a stack that is one of the parsers. */
function placeOf(error: unknown): string {
  const lines = error instanceof Error ? (error.stack ?? '').split('\n') : [];
  const frames = lines.filter((line) => line.startsWith('    at ') && !/\$(?:step|size)/.test(line));
  return frames
    .slice(0, 2)
    .map((line) => /at (?:async )?(\S+)/.exec(line)?.[1] ?? '?')
    .join(' < ');
}

/** Fuzzes a target for some seconds, from its seeds and what earlier runs kept. */
export async function fuzz(
  target: FuzzTarget,
  seconds: number,
  seed: number,
  earlier: readonly Uint8Array[],
): Promise<Report> {
  const corpus = new Corpus(target, seed);
  const start = performance.now();
  const end = start + seconds * 1000;
  for (const input of [...target.seeds(), ...earlier]) await corpus.tryInput(input);
  while (performance.now() < end) {
    // The clock costs as much as a small input.
    for (let i = 0; i < 50; i++) await corpus.tryInput(corpus.mutated());
  }
  return corpus.report((performance.now() - start) / 1000);
}

class Corpus {
  private readonly random: Random;
  private readonly mutator: Mutator;
  private readonly kept: Uint8Array[] = [];
  /** For every counter the shortest input that reaches it. */
  private readonly shortest = new Map<number, Uint8Array>();
  private favoured: readonly Uint8Array[] = [];
  /** Buckets that were reached, by counter. */
  private readonly seen = new Uint8Array(branches.length);
  private readonly words = new Uint32Array(branches.buffer);
  private readonly used: number;
  private readonly finds = new Map<string, Find>();
  private executions = 0;
  private slowest: Report['slowest'] = { work: 0, bytes: 0, milliseconds: 0, input: new Uint8Array(0) };

  constructor(
    private readonly target: FuzzTarget,
    seed: number,
  ) {
    this.random = new Random(seed);
    const literals = modulesOf(target).flatMap((module) => module.literals);
    this.mutator = new Mutator(this.random, tokenBytes(literals), target.longest);
    this.used = countersEnd();
  }

  mutated(): Uint8Array {
    const { random, kept } = this;
    const from = random.below(2) === 0 && this.favoured.length > 0 ? this.favoured : kept;
    return this.mutator.mutate(
      random.pick(from) ?? new Uint8Array(0),
      random.pick(kept) ?? new Uint8Array(0),
    );
  }

  async tryInput(input: Uint8Array): Promise<void> {
    this.executions++;
    const start = performance.now();
    const found = await attempt(this.target, input);
    const milliseconds = performance.now() - start;
    const own = Uint8Array.from(input);
    if (this.isNew(own) && this.kept.length < MOST_CORPUS) this.kept.push(own);
    if (milliseconds > this.slowest.milliseconds) await this.timeAgain(input, milliseconds);
    if (found !== null && this.finds.size < MOST_FINDS && !this.finds.has(found.key)) {
      const shortest = await this.shortened(input, found.key);
      const again = (await attempt(this.target, shortest)) ?? found;
      this.finds.set(found.key, { target: this.target.name, ...again, input: shortest });
    }
  }

  /** Whether an input reached something for the first time. */
  private isNew(input: Uint8Array): boolean {
    let isNew = false;
    const { words, seen } = this;
    for (let word = 0; word * 4 < this.used; word++) {
      if (words[word] === 0) continue;
      for (let at = word * 4; at < word * 4 + 4; at++) {
        const bucket = BUCKETS[branches[at] ?? 0] ?? 0;
        if (bucket === 0) continue;
        if (((seen[at] ?? 0) & bucket) === 0) {
          seen[at] = (seen[at] ?? 0) | bucket;
          isNew = true;
        }
      }
    }
    if (isNew) this.favour(input);
    return isNew;
  }

  private favour(input: Uint8Array): void {
    for (let at = 0; at < this.used; at++) {
      if (branches[at] === 0) continue;
      const known = this.shortest.get(at);
      if (known === undefined || known.length > input.length) this.shortest.set(at, input);
    }
    this.favoured = [...new Set(this.shortest.values())];
  }

  /** The first time something else may have kept the processor. */
  private async timeAgain(input: Uint8Array, first: number): Promise<void> {
    let least = first;
    for (let i = 0; i < 3 && least > this.slowest.milliseconds; i++) {
      least = Math.min(least, (await costOf(this.target, input)).milliseconds);
    }
    if (least <= this.slowest.milliseconds) return;
    const { work, bytes } = meter;
    this.slowest = { work, bytes, milliseconds: least, input: Uint8Array.from(input) };
    if (least <= LONGEST_RUN) return;
    const message = `${String(input.length)} bytes take ${least.toFixed(0)} ms`;
    this.finds.set('time', { target: this.target.name, key: 'time', message, input: Uint8Array.from(input) });
  }

  /** The same find from fewer bytes. */
  private async shortened(input: Uint8Array, key: string): Promise<Uint8Array> {
    let best = Uint8Array.from(input);
    for (let size = best.length >> 1; size >= 1; size >>= 1) {
      for (let at = 0; at + size <= best.length;) {
        const shorter = Uint8Array.from([...best.subarray(0, at), ...best.subarray(at + size)]);
        const found = await attempt(this.target, shorter);
        if (found?.key === key) best = shorter;
        else at += size;
      }
    }
    return best;
  }

  report(seconds: number): Report {
    const modules = modulesOf(this.target);
    const places = modules.flatMap(({ first, counters }) =>
      Array.from({ length: counters }, (_, i) => first + i),
    );
    return {
      executions: this.executions,
      seconds,
      reached: places.filter((at) => this.seen[at] !== 0).length,
      counters: places.length,
      corpus: this.kept,
      finds: [...this.finds.values()],
      slowest: this.slowest,
    };
  }
}

function modulesOf(target: FuzzTarget) {
  return instrumentedModules().filter(({ path }) => target.modules.test(path));
}

/** The same number of mutated inputs for everybody: the first find, or `null`. */
export async function fuzzFixed(target: FuzzTarget, executions: number, seed: number): Promise<Find | null> {
  const corpus = new Corpus(target, seed);
  for (const input of target.seeds()) await corpus.tryInput(input);
  for (let i = 0; i < executions; i++) await corpus.tryInput(corpus.mutated());
  return corpus.report(0).finds[0] ?? null;
}
