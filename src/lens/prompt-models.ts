import { ModelFindings } from '../model/model-findings';
import { softPrompts, type SoftPrompt } from '../model/soft-prompts';
import type { Study } from '../model/study';
import type { Finding } from '../protocol/finding';
import { failure, success, type Result } from '../protocol/result';
import type { Dense } from '../tensor/linear/dense';
import type { LensContext } from './lens';
import { readSmallTensors } from './small-tensors';

/** A soft prompt with its values. */
export interface ReadPrompt {
  readonly task: string;
  /** Task and label: what figures call it. */
  readonly name: string;
  readonly prompt: SoftPrompt;
  /** tokens × width. */
  readonly vectors: Dense;
  /** The stored factor beside it; `null` where it has none. */
  readonly gate: number | null;
  /** By which it is chosen out of its pool; `null` where it is in none. */
  readonly key: Float64Array | null;
}

export interface ReadPrompts {
  readonly prompts: readonly ReadPrompt[];
  readonly findings: readonly Finding[];
  readonly bytesRead: number;
}

/** More prompts than this are a pool that no figure can show. */
const MOST_PROMPTS = 256;
const NO_FIELDS: ReadonlyMap<string, unknown> = new Map();

/**
 * Reads every soft prompt of the tasks. One with NaN or infinities is left out with a finding; so are those beyond the 256th. Fails
 * with `no-task-vector` where there is none, else as reading does, or with `cancelled`.
 */
export async function readPrompts(study: Study, context: LensContext): Promise<Result<ReadPrompts>> {
  const found = study.tasks.flatMap(({ name, checkpoint, adapter }) =>
    softPrompts(checkpoint.tensors, adapter?.description.fields ?? NO_FIELDS).map((prompt) => ({
      task: name,
      path: checkpoint.path,
      name: prompt.label === '' ? name : `${name}: ${prompt.label}`,
      prompt,
    })),
  );
  if (found.length === 0) return noPrompt(study);
  const kept = found.slice(0, MOST_PROMPTS);
  const entries = kept.flatMap(({ prompt: { parts, gate, key } }) => [
    ...parts,
    ...(gate ? [gate] : []),
    ...(key ? [key.entry] : []),
  ]);
  const read = await readSmallTensors(entries, context, 'Reading prompts');
  if (!read.ok) return read;
  const { valuesOf, bytesRead } = read.value;
  const prompts: ReadPrompt[] = [];
  const odd = new Map<string, ModelFindings>();
  for (const { task, path, name, prompt } of kept) {
    const { tokens, width, gate, key } = prompt;
    const values = prompt.form(prompt.parts.map(valuesOf));
    if (values.every(Number.isFinite)) {
      const row = key && valuesOf(key.entry).slice(key.row * width, (key.row + 1) * width);
      prompts.push({
        task, name, prompt, vectors: { rows: tokens, columns: width, values },
        gate: gate ? (valuesOf(gate)[0] ?? null) : null, key: row,
      }); // prettier-ignore
      continue;
    }
    const own = odd.get(path) ?? new ModelFindings(path);
    odd.set(path, own);
    own.add(
      'matrix-not-finite',
      `${name} holds NaN or infinities; it is in no figure.`,
      prompt.parts[0]?.name,
    );
  }
  return success({ prompts, findings: [...odd.values()].flatMap((own) => own.all()), bytesRead });
}

function noPrompt({ spec }: Study): Result<never> {
  return failure({
    code: 'no-task-vector',
    message: `No task of "${spec.name}" holds a soft prompt.`,
    action:
      'Add an adapter of prompt tuning, prefix tuning or P-tuning, or a file with the vectors of a prompt alone.',
  });
}
