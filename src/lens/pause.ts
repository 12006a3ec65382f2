import { setImmediate } from 'node:timers/promises';

/** Lets messages in between two pieces of long synchronous work, so that a cancellation is heard. */
export async function pause(): Promise<void> {
  await setImmediate();
}
