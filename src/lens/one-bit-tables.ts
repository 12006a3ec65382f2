import type { Study } from '../model/study';
import type { Note, Table, TableCell } from '../protocol/artifact';
import { addOneBit, errorOf, NO_ONE_BIT, type OneBitSums, type OneBitTensor } from './one-bit-sums';
import { bytesText, percent, shortNumber, wholeText } from './wording';

/** Which tensors count. */
export const ONE_BIT_COVERAGE =
  'Counted: every floating-point tensor that a fine-tune shares with the base; of an adapter the tensors that it targets, with s·B·A formed.';

const BYTES_CAPTION =
  'One bit per entry and one float32 scale per tensor, beside what the task stores now: its tensors, or an adapter’s factors.';

/** Per task, per kind of module, per tensor. */
export function oneBitTables(study: Study, byTask: readonly (readonly OneBitTensor[])[]): Table[] {
  return [taskTable(study, byTask), roleTable(study, byTask), tensorTable(study, byTask)];
}

function taskTable(study: Study, byTask: readonly (readonly OneBitTensor[])[]): Table {
  return {
    kind: 'table',
    id: 'tasks',
    title: 'Tasks',
    caption: `${BYTES_CAPTION} ${ONE_BIT_COVERAGE}`,
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'error', title: 'Error', type: 'number' },
      { name: 'bytes', title: 'Bytes now', type: 'bytes' },
      { name: 'one_bit_bytes', title: 'Bytes with one bit', type: 'bytes' },
    ],
    rows: study.tasks.map(({ name }, task): TableCell[] => {
      const sums = total(byTask[task] ?? []);
      return [name, errorOf(sums), sums.bytes, sums.oneBitBytes];
    }),
  };
}

function roleTable(study: Study, byTask: readonly (readonly OneBitTensor[])[]): Table {
  const rows = study.tasks.flatMap(({ name }, task) => {
    const whole = total(byTask[task] ?? []);
    return [...sumByRole(byTask[task] ?? [])].map(([role, sums]): TableCell[] => [
      name,
      role,
      whole.squares > 0 ? sums.squares / whole.squares : null,
      errorOf(sums),
    ]);
  });
  return {
    kind: 'table',
    id: 'roles',
    title: 'Attention against MLP',
    caption: `Share of ‖τ‖² and error of one bit by the role of a module in the network. ${ONE_BIT_COVERAGE}`,
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'role', title: 'Role', type: 'text' },
      { name: 'energy_share', title: 'Share of ‖τ‖²', type: 'share' },
      { name: 'error', title: 'Error', type: 'number' },
    ],
    rows,
  };
}

function tensorTable(study: Study, byTask: readonly (readonly OneBitTensor[])[]): Table {
  return {
    kind: 'table',
    id: 'tensors',
    title: 'Tensors',
    caption: `${BYTES_CAPTION} ${ONE_BIT_COVERAGE}`,
    columns: [
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'module', title: 'Module', type: 'text' },
      { name: 'count', title: 'Entries', type: 'integer' },
      { name: 'error', title: 'Error', type: 'number' },
      { name: 'scale', title: 'a = mean |τ|', type: 'number' },
      { name: 'bytes', title: 'Bytes now', type: 'bytes' },
      { name: 'one_bit_bytes', title: 'Bytes with one bit', type: 'bytes' },
      { name: 'row', title: 'Heatmap row', type: 'text', hidden: true },
    ],
    rows: study.tasks.flatMap(({ name }, task) =>
      (byTask[task] ?? []).map(({ base, place, sums }): TableCell[] => [
        base.name,
        name,
        place.layer,
        place.module,
        base.span.count,
        errorOf(sums),
        sums.entries > 0 ? Math.sqrt(sums.kept / sums.entries) : null,
        sums.bytes,
        sums.oneBitBytes,
        place.row,
      ]),
    ),
  };
}

function total(tensors: readonly OneBitTensor[]): OneBitSums {
  return tensors.reduce((sum, { sums }) => addOneBit(sum, sums), NO_ONE_BIT);
}

function sumByRole(tensors: readonly OneBitTensor[]): Map<string, OneBitSums> {
  const roles = new Map<string, OneBitSums>();
  for (const { place, sums } of tensors) {
    roles.set(place.role, addOneBit(roles.get(place.role) ?? NO_ONE_BIT, sums));
  }
  return roles;
}

/** 1 − 2/π: what normally distributed changes lose. */
const NORMAL = 1 - 2 / Math.PI;
/** From here on half of ‖τ‖² is gone: more than Laplacian changes lose. */
const MUCH = 0.5;
const TASKS_SHOWN = 12;
/** A role with less of ‖τ‖² is not worth a sentence. */
const LEAST_ENERGY = 0.05;

/** Which tasks and modules may be stored in one bit. */
export function oneBitNote(study: Study, byTask: readonly (readonly OneBitTensor[])[]): Note {
  const lines = study.tasks
    .slice(0, TASKS_SHOWN)
    .map(({ name }, task) => `${name}: ${taskText(byTask[task] ?? [])}.`);
  const more = study.tasks.length - TASKS_SHOWN;
  return {
    kind: 'note',
    id: 'advice',
    title: 'What to store in one bit',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...lines,
      ...(more > 0 ? [`The table "tasks" has ${wholeText(more)} more.`] : []),
      `Limits: the error is of the weights, in squares; ${shortNumber(NORMAL)} is what normally distributed changes lose and is often harmless. Measure the accuracy before the full task vector is thrown away.`,
    ].join('\n'),
  };
}

function taskText(tensors: readonly OneBitTensor[]): string {
  const sums = total(tensors);
  const error = errorOf(sums);
  if (error === null) return 'nothing changed';
  const size = `${bytesText(sums.bytes)} become ${bytesText(sums.oneBitBytes)}`;
  if (sums.oneBitBytes >= sums.bytes) {
    return `one bit would lose ${percent(error)} of ‖τ‖² and save nothing (${size}): keep it as it is`;
  }
  const roles = [...sumByRole(tensors)].flatMap(([role, own]) => {
    const lost = errorOf(own);
    return lost === null || own.squares < LEAST_ENERGY * sums.squares ? [] : [{ role, lost }];
  });
  const least = roles.reduce((a, b) => (b.lost < a.lost ? b : a), roles[0] ?? { role: '', lost: 0 });
  const most = roles.reduce((a, b) => (b.lost > a.lost ? b : a), least);
  const byRole =
    most.role === least.role
      ? ''
      : `; ${least.role} loses the least (${percent(least.lost)}), ${most.role} the most (${percent(most.lost)})`;
  const advice =
    error >= MUCH
      ? 'outliers hold much of it, so compress only the tensors with a small error'
      : 'one bit is worth a try';
  return `loses ${percent(error)} of ‖τ‖² (${size}): ${advice}${byRole}`;
}
