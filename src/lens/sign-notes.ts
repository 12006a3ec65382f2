import type { Study } from '../model/study';
import type { Note } from '../protocol/artifact';
import type { Scope } from './scopes';
import type { ConflictCells } from './sign-figures';
import type { SignSums } from './sign-sums';
import { percent, shortNumber, wholeText } from './wording';

/** How far from chance (0.5), or from orthogonal (1 − 1/T), a share must be to be called so. */
const CLEARLY = 0.02;
/** A cell with less of Σ‖τ‖² is too small to be recommended for anything. */
const LEAST_ENERGY = 0.01;
const CELLS_SHOWN = 3;

/** Which tasks and which layers pull against each other, and what to do about it. */
export function conflictNote(study: Study, [all]: readonly Scope<SignSums>[], cells: ConflictCells): Note {
  const sums = all?.sums;
  const lines = sums ? [...pairLines(study, sums, cells), ...sumLines(study, sums, cells)] : [];
  return {
    kind: 'note',
    id: 'advice',
    title: 'What to keep apart when merging',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...lines,
      'Limits: signs and norms say how much of the change cancels, not what that costs in accuracy. Tasks may disagree in entries that neither needs.',
    ].join('\n'),
  };
}

interface Pair {
  readonly i: number;
  readonly j: number;
  readonly conflict: number;
}

function pairLines(study: Study, sums: SignSums, cells: ConflictCells): string[] {
  const pairs = pairsOf(sums);
  const worst = pairs[0];
  const best = pairs.at(-1);
  if (!worst || !best) return ['No entry is changed by two tasks: their signs cannot oppose each other.'];
  const name = (task: number) => study.tasks[task]?.name ?? '';
  const against = worst.conflict > 0.5 + CLEARLY;
  const first = against
    ? `${name(worst.i)} and ${name(worst.j)} pull against each other the most: opposite signs in ${percent(worst.conflict)} of the entries that both change (50 % is chance)${placeText(worst, cells)}. Do not merge these two without a sign election.`
    : `No pair pulls apart more than chance: the most opposed are ${name(worst.i)} and ${name(worst.j)} with ${percent(worst.conflict)} opposite signs (50 % is chance)${placeText(worst, cells)}.`;
  if (best === worst || best.conflict >= 0.5 - CLEARLY) return [first];
  return [
    first,
    `${name(best.i)} and ${name(best.j)} share a direction the most: opposite signs in only ${percent(best.conflict)}. Merge these first.`,
  ];
}

/** Every pair with a defined conflict, the most opposed first. */
function pairsOf(sums: SignSums): Pair[] {
  const pairs: Pair[] = [];
  for (let i = 0; i < sums.tasks; i++) {
    for (let j = i + 1; j < sums.tasks; j++) {
      const conflict = sums.conflict(i, j);
      if (conflict !== null) pairs.push({ i, j, conflict });
    }
  }
  return pairs.sort((x, y) => y.conflict - x.conflict);
}

/** Where a pair is most opposed, among the cells that count; empty where cells do not know pairs. */
function placeText({ i, j }: Pair, cells: ConflictCells): string {
  if (!cells.withPairs) return '';
  const found = largeCells(cells)
    .map(({ place, sums }) => ({ place, conflict: sums.conflict(i, j) ?? 0 }))
    .sort((x, y) => y.conflict - x.conflict)[0];
  return found ? `, and ${percent(found.conflict)} in ${found.place}` : '';
}

function sumLines(study: Study, sums: SignSums, cells: ConflictCells): string[] {
  const { index } = sums.figures();
  if (index === null) return ['No task changes anything.'];
  const tasks = study.tasks.length;
  const orthogonal = 1 - 1 / tasks;
  const compared = `conflict index ${shortNumber(index)}; ${shortNumber(orthogonal)} would be unrelated tasks`;
  const verdict =
    index > orthogonal + CLEARLY
      ? `Adding all ${wholeText(tasks)} task vectors cancels more than unrelated tasks would (${compared}): elect signs (TIES) or keep the cells below separate.`
      : index < orthogonal - CLEARLY
        ? `The ${wholeText(tasks)} task vectors reinforce each other when added (${compared}): scale their sum down, or average them.`
        : `The ${wholeText(tasks)} task vectors are about unrelated when added (${compared}): a plain sum loses little to signs.`;
  const worst = largeCells(cells)
    .map(({ place, sums: own }) => ({ place, index: own.figures().index ?? 0 }))
    .sort((x, y) => y.index - x.index)
    .slice(0, CELLS_SHOWN)
    .map((each) => `${each.place} (${shortNumber(each.index)})`);
  if (worst.length === 0) return [verdict];
  return [verdict, `The most is lost in ${worst.join(', ')}: keep these per task first.`];
}

function largeCells({ axes, sums }: ConflictCells): { place: string; sums: SignSums }[] {
  const total = sums.reduce((sum, each) => sum + (each?.energy ?? 0), 0);
  return sums.flatMap((each, cell) => {
    if (each === null || !(each.energy >= LEAST_ENERGY * total) || each.energy === 0) return [];
    const row = axes.rows[Math.floor(cell / axes.columns.length)]?.label ?? '';
    const column = axes.columns[cell % axes.columns.length]?.label ?? '';
    return [{ place: `${row} ${column}`, sums: each }];
  });
}
