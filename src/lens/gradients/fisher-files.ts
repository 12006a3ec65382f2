import { commonPrefixes } from '../../graph/bind/common-prefix';
import type { Importance, ImportanceTensor } from '../../graph/importance/importance';
import { openImportance } from '../../graph/importance/registry';
import { graphFinding, graphProblem } from '../../graph/problems';
import { networkOrder } from '../../model/naming';
import type { Study } from '../../model/study';
import type { Finding } from '../../protocol/finding';
import type { LensDescription, ParameterDeclaration, ParameterValues } from '../../protocol/lens';
import { cancelled, failure, success, type Result } from '../../protocol/result';
import type { LensContext } from '../lens';
import { checkNeeds } from '../needs';
import { namesText, wholeText } from '../wording';
import type { StudyFisher, TaskFisher } from './fisher-models';
import { figuresOf, type TensorFisher } from './fisher-pass';

export const FROM_PARAMETER: ParameterDeclaration = {
  name: 'from',
  title: 'Taken from',
  help: 'The Fisher files of the study where it names any, else the network; or always one of the two.',
  type: 'choice',
  default: 'any',
  choices: [
    { value: 'any', title: 'files where there are any' },
    { value: 'files', title: 'files' },
    { value: 'network', title: 'the network' },
  ],
};

/** Whether the files of a study are meant rather than its network. */
export function takesFiles({ spec }: Study, parameters: ParameterValues): boolean {
  const from = parameters['from'];
  return from === 'files' || (from === 'any' && (spec.fisher ?? []).length > 0);
}

/**
 * Fisher information that others computed, or the second moments of Adam in its stead, of every file that the study names.
 * Fails with `study-needs-fisher`, `importance-other-network`, `cancelled`, or as opening and reading the files does.
 */
export async function fisherOfFiles(
  study: Study,
  description: LensDescription,
  context: LensContext,
): Promise<Result<StudyFisher>> {
  const needs = checkNeeds(study, description);
  if (!needs.ok) return needs;
  const files = study.spec.fisher ?? [];
  if (files.length === 0) return failure(noFiles(study));
  const tasks: TaskFisher[] = [];
  const findings: Finding[] = [];
  let bytesRead = 0;
  for (const [index, { name, path }] of files.entries()) {
    const opened = await openImportance(path);
    if (!opened.ok) return opened;
    const placed = placeTensors(study, opened.value);
    if (!placed.ok) return placed;
    const onTensor = (share: number) => context.progress((index + share) / files.length, `Reading ${name}`);
    const read = await readTensors(placed.value.tensors, context.signal, onTensor);
    if (!read.ok) return read;
    bytesRead += read.value.bytesRead;
    const leftOut = [...placed.value.leftOut, ...read.value.leftOut];
    if (leftOut.length > 0) {
      const message = `${opened.value.path}: left out as the base has none of that name and shape, or as an entry is negative: ${namesText(leftOut)}.`;
      findings.push(graphFinding('importance-left-out', opened.value.path, message, leftOut[0]));
    }
    const model = study.tasks.find((task) => task.name === name) ?? null;
    const { tensors } = read.value;
    const fisher = { tensors, samples: null, objective: null, without: [] };
    tasks.push({ task: name, model, fisher, ...wordsFor(opened.value) });
  }
  return success({ tasks, findings, bytesRead });
}

function noFiles({ spec }: Study) {
  return {
    code: 'study-needs-fisher',
    message: `The study "${spec.name}" names no file of Fisher information.`,
    action:
      'Name a .safetensors or .npz with an array for every tensor, or an optimizer.pt: "fisher:" in the study, or --fisher on the command line.',
  };
}

function wordsFor({ kind, path, steps }: Importance): Pick<TaskFisher, 'caption' | 'basis'> {
  if (kind === 'imported') return { caption: `As in ${path}.`, basis: 'Taken from a file.' };
  const after = steps === null ? '' : ` after ${wholeText(steps)} steps`;
  return {
    caption: `Proxy: bias-corrected second moments of Adam${after}, from ${path}.`,
    basis: `Proxy: second moments of Adam${after}, which average squared gradients of batches, not of samples: compare places, not sizes.`,
  };
}

interface Placed {
  readonly name: string;
  readonly source: ImportanceTensor;
}

/** By name, a prefix aside. */
function placeTensors(
  { base }: Study,
  { tensors, path }: Importance,
): Result<{ readonly tensors: readonly Placed[]; readonly leftOut: readonly string[] }> {
  const shapes = new Map(base?.tensors.map(({ name, span }) => [name, span.shape.join()]));
  const prefixes = commonPrefixes(
    tensors.map(({ name }) => name),
    [...shapes.keys()],
  );
  const placed: Placed[] = [];
  const leftOut: string[] = [];
  for (const source of tensors) {
    const own = source.name.startsWith(prefixes.graph) ? source.name.slice(prefixes.graph.length) : null;
    const name = own === null ? null : prefixes.checkpoint + own;
    if (name !== null && shapes.get(name) === source.shape.join()) placed.push({ name, source });
    else leftOut.push(source.name);
  }
  if (placed.length > 0) return success({ tensors: placed, leftOut });
  const message = `No tensor of ${path} has the name and shape of one of ${base?.path ?? 'the base'}, such as ${namesText(leftOut)}.`;
  return failure(graphProblem('importance-other-network', path, message));
}

async function readTensors(
  placed: readonly Placed[],
  signal: AbortSignal,
  onTensor: (share: number) => void,
): Promise<
  Result<{
    readonly tensors: readonly TensorFisher[];
    readonly leftOut: readonly string[];
    readonly bytesRead: number;
  }>
> {
  const figures = new Map<string, TensorFisher>();
  const leftOut: string[] = [];
  let bytesRead = 0;
  for (const [at, { name, source }] of placed.entries()) {
    if (signal.aborted) return cancelled();
    const values = await source.load();
    if (!values.ok) return values;
    bytesRead += values.value.length * Float32Array.BYTES_PER_ELEMENT;
    if (values.value.every((value) => value >= 0 && value < Infinity)) {
      figures.set(name, figuresOf(name, values.value, null));
    } else leftOut.push(source.name);
    onTensor((at + 1) / placed.length);
  }
  const tensors = networkOrder([...figures.keys()]).flatMap((name) => figures.get(name) ?? []);
  return success({ tensors, leftOut, bytesRead });
}
