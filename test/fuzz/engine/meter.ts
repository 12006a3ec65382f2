import type { InstrumentedModule } from './bundle';

/** What instrumented code counts while it runs; `bundle.ts` puts these before everything else. */
interface Meter {
  /** Runs of loop bodies and functions. */
  work: number;
  mostWork: number;
  /** What was allocated by size: elements of arrays, bytes of buffers, bytes read. */
  bytes: number;
  mostBytes: number;
  /** The last error that was caught anywhere. */
  caught: unknown;
}

declare const $c: Uint8Array;
declare const $m: Meter;
declare const $Stop: new (message: string) => Error;

/** Runs of every branch, modulo 256. */
export const branches = $c;
export const meter = $m;
export const Stop = $Stop;

/** Every instrumented module. */
export function instrumentedModules(): readonly InstrumentedModule[] {
  return (globalThis as unknown as { $modules: readonly InstrumentedModule[] }).$modules;
}

/** No counter is as high. */
export function countersEnd(): number {
  return Math.max(...instrumentedModules().map(({ first, counters }) => first + counters));
}

const end = countersEnd();

/** Forgets all counts, and sets the bounds of the next run. */
export function resetMeter(mostWork: number, mostBytes: number): void {
  branches.fill(0, 0, end);
  meter.work = 0;
  meter.bytes = 0;
  meter.caught = null;
  meter.mostWork = mostWork;
  meter.mostBytes = mostBytes;
}
