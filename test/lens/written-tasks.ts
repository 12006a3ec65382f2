// Studies of tasks whose τ is written down in the test.
import * as path from 'node:path';
import type { Study } from '../../src/model/study';
import { temporaryFolder, writeSafetensors } from '../model/write-safetensors';
import { study } from './run';

/** A study over a base of zeros: task → tensor → τ. Tensors have one dimension, or rows where τ is a list of lists. */
export async function writtenTasks(
  tasks: Readonly<
    Record<string, Readonly<Record<string, readonly number[] | readonly (readonly number[])[]>>>
  >,
): Promise<Study> {
  const folder = temporaryFolder();
  const shapes = new Map<string, number[]>();
  for (const [task, tensors] of Object.entries(tasks)) {
    const entries = Object.entries(tensors).map(([tensor, rows]) => {
      const width = Array.isArray(rows[0]) ? [rows[0].length] : [];
      const shape = [rows.length, ...width];
      shapes.set(tensor, shape);
      return [tensor, { shape, values: rows.flat() }] as const;
    });
    writeSafetensors(path.join(folder, task, 'model.safetensors'), Object.fromEntries(entries));
  }
  const base = [...shapes].map(([tensor, shape]) => [tensor, { shape }] as const);
  writeSafetensors(path.join(folder, 'base', 'model.safetensors'), Object.fromEntries(base));
  return study(folder, 'base', Object.keys(tasks));
}
