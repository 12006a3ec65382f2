import type { Artifact, Note, Series, Table, TableCell } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { embeddingAdvice } from './embedding-advice';
import { CURVE_STEPS, type EmbeddingFigures } from './embedding-figures';
import { wholeText } from './wording';

const ROWS =
  'Matrices with one row per token or class: token embeddings and output heads. Where the vocabulary was resized, row i of both is taken for the same token as far as both have it.';

/** Everything that is shown of the embeddings of a study. */
export function embeddingArtifacts(all: readonly EmbeddingFigures[]): Artifact[] {
  const resized = resizedNote(all);
  return [
    ...(resized ? [resized] : []),
    embeddingAdvice(all),
    ...curves(all),
    tensorTable(all),
    rowTable(all),
    neighbourTable(all),
  ];
}

/** Vocabularies of another size than the base's; `null` where there is none. */
function resizedNote(all: readonly EmbeddingFigures[]): Note | null {
  const resized = all.filter(({ drift: { pair } }) => pair.baseRows !== pair.taskRows);
  if (resized.length === 0) return null;
  const lines = resized.slice(0, MOST_NAMED).map(({ drift: { pair } }) => {
    const more = pair.taskRows - pair.baseRows;
    const change = more > 0 ? `${wholeText(more)} rows more` : `${wholeText(-more)} rows fewer`;
    return `${pair.task}: ${pair.base.name} has ${change} than in the base; the first ${wholeText(pair.common)} are compared, as if rows were only added or cut at the end.`;
  });
  if (resized.length > MOST_NAMED) lines.push(`${wholeText(resized.length - MOST_NAMED)} more.`);
  return {
    kind: 'note',
    id: 'resized',
    title: 'Resized vocabulary',
    severity: 'information',
    role: 'verdict',
    text: lines.join('\n'),
  };
}

const MOST_NAMED = 6;

/** Energy of τ against share of rows, one line per task, one figure per tensor. */
function curves(all: readonly EmbeddingFigures[]): Series[] {
  const tensors = [...new Set(all.map(({ drift }) => drift.pair.base.name))];
  return tensors.map((tensor) => ({
    kind: 'series',
    id: `energy:${tensor}`,
    title: `Where the change of ${tensor} lies`,
    facets: { tensor },
    caption: `Share of ‖τ‖² in the rows that moved most. On the diagonal all rows moved alike; a steep start means that few tokens were learned anew. ${ROWS}`,
    x: {
      title: 'share of rows',
      values: Array.from({ length: CURVE_STEPS + 1 }, (_, step) => step / CURVE_STEPS),
    },
    lines: all
      .filter(({ drift }) => drift.pair.base.name === tensor)
      .map(({ drift, curve }) => ({
        name: drift.pair.task,
        task: drift.pair.task,
        values: packNumbers(curve),
      })),
    unit: 'share',
  }));
}

function tensorTable(all: readonly EmbeddingFigures[]): Table {
  const rows = all.map(({ drift: { pair, newNorm }, moved, meanRelative, meanNorm, curve, neighbours }): TableCell[] => {
    const kept = neighbours.filter(({ picked }) => picked === 'random').flatMap(({ kept: share }) => share ?? []);
    return [
      pair.task, pair.base.name, pair.module, pair.baseRows, pair.taskRows, pair.common,
      moved, pair.common > 0 ? moved / pair.common : null, meanRelative, curve[CURVE_STEPS / 10] ?? null,
      kept.length > 0 ? kept.reduce((sum, share) => sum + share, 0) / kept.length : null,
      Math.max(0, pair.taskRows - pair.baseRows), newNorm, meanNorm,
    ];
  }); // prettier-ignore
  return {
    kind: 'table',
    id: 'tensors',
    title: 'Embeddings and heads',
    caption: `${ROWS} Nearest rows kept: over the rows picked at random.`,
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'module', title: 'Module', type: 'text' },
      { name: 'base_rows', title: 'Rows in the base', type: 'integer' },
      { name: 'task_rows', title: 'Rows in the task', type: 'integer' },
      { name: 'common_rows', title: 'Compared', type: 'integer' },
      { name: 'moved_rows', title: 'Moved', type: 'integer' },
      { name: 'moved_share', title: 'Share moved', type: 'share' },
      { name: 'mean_relative', title: 'Mean ‖τ‖ / ‖θ₀‖ of a row', type: 'number' },
      { name: 'energy_top10', title: 'Energy in the top tenth', type: 'share' },
      { name: 'neighbours_kept', title: 'Nearest rows kept', type: 'share' },
      { name: 'new_rows', title: 'New rows', type: 'integer' },
      { name: 'new_norm', title: 'Mean ‖θ‖ of new rows', type: 'number' },
      { name: 'mean_norm', title: 'Mean ‖θ₀‖ of old rows', type: 'number' },
    ],
    rows,
  };
}

function rowTable(all: readonly EmbeddingFigures[]): Table {
  const rows = all.flatMap(({ drift: { pair }, top }) =>
    top.map(({ row, norm, relative, cosine }): TableCell[] => [
      pair.task,
      pair.base.name,
      row,
      norm,
      relative,
      cosine,
    ]),
  );
  return {
    kind: 'table',
    id: 'rows',
    title: 'Rows that moved most',
    caption: `By ‖τ‖ of the row, the largest first. A row is a token of the vocabulary (or a class): its number is the token's id. ${ROWS}`,
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'row', title: 'Row', type: 'integer' },
      { name: 'norm', title: '‖τ‖', type: 'number' },
      { name: 'relative', title: '‖τ‖ / ‖θ₀‖', type: 'number' },
      { name: 'cos', title: 'cos(θ₀, θ)', type: 'number' },
    ],
    rows,
  };
}

function neighbourTable(all: readonly EmbeddingFigures[]): Table {
  const rows = all.flatMap(({ drift: { pair }, neighbours }) =>
    neighbours.map(({ row, picked, before, after, kept }): TableCell[] => [
      pair.task, pair.base.name, row, picked,
      before.rows[0] ?? null, before.cosines[0] ?? null, after.rows[0] ?? null, after.cosines[0] ?? null,
      before.rows[0] !== after.rows[0], kept,
    ]),
  ); // prettier-ignore
  return {
    kind: 'table',
    id: 'neighbours',
    title: 'Nearest rows before and after',
    caption: `By cosine, among all rows that both have. Rows: those that moved most, and some picked at random with the seed. ${ROWS}`,
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'row', title: 'Row', type: 'integer' },
      { name: 'picked', title: 'Picked', type: 'text' },
      { name: 'before', title: 'Nearest before', type: 'integer' },
      { name: 'cos_before', title: 'cos', type: 'number' },
      { name: 'after', title: 'Nearest after', type: 'integer' },
      { name: 'cos_after', title: 'cos', type: 'number' },
      { name: 'changed', title: 'Changed', type: 'boolean' },
      { name: 'kept', title: 'Nearest rows kept', type: 'share' },
    ],
    rows,
  };
}
