import path from 'node:path';
import { formatBytes, formatCount } from '../figure/number-text';
import { readTraining, type Training } from '../model/trainer-state';
import { runFolders } from '../model/training-run';
import type { CheckpointView } from '../protocol/checkpoint';
import type { Problem } from '../protocol/result';
import { visible } from '../protocol/visible-text';
import type { Session } from './session';
import { textTable } from './text-table';

/** A checkpoint of a training run, as far as it can be read. */
export interface RunCheckpoint {
  readonly name: string;
  readonly training: Training | null;
  readonly opened: CheckpointView | Problem;
}

/** The checkpoints in the folder of a training run, by ascending step. Reads headers and what the trainer wrote beside them. */
export async function runCheckpoints(folder: string, session: Session): Promise<readonly RunCheckpoint[]> {
  const checkpoints: RunCheckpoint[] = [];
  for (const name of await runFolders(folder)) {
    const own = path.join(folder, name);
    const opened = await session.ask('deltalens/inspect', { path: own, roots: [folder, process.cwd()] });
    checkpoints.push({
      name,
      training: await readTraining({ path: own }),
      opened: opened.ok ? opened.value : opened.problem,
    });
  }
  return checkpoints;
}

/** A table of a run's checkpoints, and the command that follows them. */
export function runText(folder: string, checkpoints: readonly RunCheckpoint[]): string {
  const rows = checkpoints.map(({ name, training, opened }) => {
    const isOpen = 'tensorCount' in opened;
    const loss = training?.losses.findLast((entry) => entry.loss !== null)?.loss ?? null;
    const step = training?.step ?? null;
    return [
      name,
      step === null ? '–' : String(step),
      loss === null ? '–' : String(Number(loss.toPrecision(4))),
      isOpen ? (opened.adapter?.kind ?? opened.container) : opened.code,
      isOpen ? formatCount(opened.parameters) : '–',
      isOpen ? formatBytes(opened.bytes) : '–',
    ];
  });
  const table = textTable(
    [
      { title: 'CHECKPOINT', align: 'left' },
      { title: 'STEP', align: 'right' },
      { title: 'LOSS', align: 'right' },
      { title: 'KIND', align: 'left' },
      { title: 'PARAMETERS', align: 'right' },
      { title: 'SIZE', align: 'right' },
    ],
    rows,
  );
  return `${table}\n${nextText(folder)}`;
}

/** How to go on with a run: the lens that follows its checkpoints. */
export function nextText(folder: string): string {
  const quoted = /^[\w./~-]+$/.test(folder) ? folder : JSON.stringify(folder);
  return visible(`To follow the run: deltalens lens trajectory --base BASE --run ${quoted}`) + '\n';
}
