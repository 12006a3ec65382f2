import type { Study } from '../model/study';
import type { AxisEntry, Matrix, Note, Series, Table, TableCell } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { lassoPath, type Attribution, type GramPart } from './attribution-parts';
import { countText, shortNumber } from './wording';

const SET = 'Counted: the tensors that all tasks have; an adapter leaves what it does not target unchanged.';

function partEntry({ kind, name, label }: GramPart): AxisEntry {
  return kind === 'layer' ? { label, layer: name } : { label };
}

/** Layers and the whole × targets: R². */
export function explainedMatrix(
  study: Study,
  found: readonly Attribution[],
  targets: readonly number[],
): Matrix {
  const parts = drawnParts(found);
  const values = parts.flatMap((part) =>
    targets.map((target) => attributionAt(found, part, target)?.explained ?? null),
  );
  return {
    kind: 'matrix',
    id: 'explained-map',
    title: 'Explained by the others',
    facets: { metric: 'explained' },
    caption: `R² of the least-squares combination of all other tasks; 1 − R² is what is new. Undefined where a task leaves a layer unchanged. ${SET} Layers in network order.`,
    rows: parts.map(partEntry),
    columns: targets.map((target) => taskEntry(study, target)),
    rowTitle: 'layer',
    columnTitle: 'target',
    values: packNumbers(values),
    unit: 'R²',
    scale: 'sequential',
    domain: values.some((value) => value !== null) ? [0, 1] : null,
  };
}

/** For every target: layers and the whole × sources, coefficients of either combination. */
export function attributionMatrices(
  study: Study,
  found: readonly Attribution[],
  targets: readonly number[],
): Matrix[] {
  const parts = drawnParts(found);
  return (['least', 'sparse'] as const).flatMap((metric) =>
    targets.map((target): Matrix => {
      const rows = parts.map((part) => attributionAt(found, part, target));
      const sources = rows[0]?.sources ?? [];
      const values = rows.flatMap((row) =>
        sources.map((_, s) =>
          row === undefined || row.explained === null ? null : (row[metric][s] ?? null),
        ),
      );
      const most = values.reduce<number>((size, value) => Math.max(size, Math.abs(value ?? 0)), 0) || 1;
      const name = study.tasks[target]?.name ?? '';
      return {
        kind: 'matrix',
        id: `${metric}:${name}`,
        title: `${metric === 'least' ? 'Least squares' : 'Sparse combination'} · ${name}`,
        facets: { metric, task: name },
        caption: `Coefficients of the other tasks in the combination nearest to ${name}. A source that is itself a combination of others may get 0. ${SET} Layers in network order.`,
        rows: parts.map(partEntry),
        columns: sources.map((source) => taskEntry(study, source)),
        rowTitle: 'layer',
        columnTitle: 'source',
        values: packNumbers(values),
        unit: metric === 'least' ? 'cₛ' : 'νₛ',
        scale: 'diverging',
        domain: values.some((value) => value !== null) ? [-most, most] : null,
      };
    }),
  );
}

function drawnParts(found: readonly Attribution[]): GramPart[] {
  return [...new Set(found.map(({ part }) => part))].filter(({ kind }) => kind !== 'tensor');
}

function attributionAt(
  found: readonly Attribution[],
  part: GramPart,
  target: number,
): Attribution | undefined {
  return found.find((each) => each.part === part && each.target === target);
}

function taskEntry({ tasks }: Study, task: number): AxisEntry {
  const name = tasks[task]?.name ?? '';
  return { label: name, task: name };
}

/** Penalties of the path, from nearly none to all. */
const PENALTIES = Array.from({ length: 25 }, (_, k) => 10 ** (-3 + k / 8));

/** The sparse coefficients of the whole task vector as the penalty grows: what survives longest matters most. */
export function pathSeries(study: Study, part: GramPart, target: number): Series {
  const falling = [...PENALTIES].reverse();
  const { sources, coefficients } = lassoPath(part, target, study.tasks.length, falling);
  const name = study.tasks[target]?.name ?? '';
  return {
    kind: 'series',
    id: `path:${name}`,
    title: `Path of the penalty · ${name}`,
    facets: { task: name },
    caption: `Coefficients of the sparse combination for ${name}, whole model. Lines that leave 0 at a larger penalty are the sources that matter most. ${SET}`,
    x: { title: 'penalty', values: PENALTIES },
    lines: sources.map((source, s) => ({
      name: study.tasks[source]?.name ?? '',
      task: study.tasks[source]?.name ?? '',
      values: packNumbers([...coefficients].reverse().map((each) => each[s] ?? 0)),
    })),
    unit: 'νₛ',
    logarithmic: { x: true },
  };
}

/** One row per target and part. */
export function explainedTable(study: Study, found: readonly Attribution[]): Table {
  return {
    kind: 'table',
    id: 'explained',
    title: 'How much the others explain',
    caption: `Scope is the whole ("all"), a layer or a tensor. Novelty is 1 − R². ${SET}`,
    columns: [
      { name: 'target', title: 'Target', type: 'text' },
      { name: 'scope', title: 'Scope', type: 'text' },
      { name: 'r2', title: 'R²', type: 'number' },
      { name: 'novelty', title: 'Novelty', type: 'number' },
      { name: 'lasso_r2', title: 'R² of the sparse combination', type: 'number' },
      { name: 'lasso_sources', title: 'Sources in it', type: 'integer' },
    ],
    rows: found.map(({ part, target, explained, sparseExplained, sparse }): TableCell[] => [
      study.tasks[target]?.name ?? '',
      part.name,
      explained,
      explained === null ? null : 1 - explained,
      sparseExplained,
      explained === null ? null : sparse.filter((value) => value !== 0).length,
    ]),
  };
}

/** One row per target, part and source. */
export function attributionTable(study: Study, found: readonly Attribution[]): Table {
  return {
    kind: 'table',
    id: 'attribution',
    title: 'Coefficients of the sources',
    caption: `The contribution cₛ⟨τₛ, τ⟩/‖τ‖² of a source adds up to R² over the sources. ${SET}`,
    columns: [
      { name: 'target', title: 'Target', type: 'text' },
      { name: 'scope', title: 'Scope', type: 'text' },
      { name: 'source', title: 'Source', type: 'text' },
      { name: 'coefficient', title: 'Least squares', type: 'number' },
      { name: 'lasso', title: 'Sparse', type: 'number' },
      { name: 'contribution', title: 'Contribution', type: 'number' },
    ],
    rows: found.flatMap(({ part, target, sources, least, sparse, explained, contributions }) =>
      sources.map((source, s): TableCell[] => [
        study.tasks[target]?.name ?? '',
        part.name,
        study.tasks[source]?.name ?? '',
        explained === null ? null : (least[s] ?? null),
        explained === null ? null : (sparse[s] ?? null),
        contributions[s] ?? null,
      ]),
    ),
  };
}

const REDUNDANT = 0.9;
const NEW = 0.1;
const TARGETS_SHOWN = 12;

/** In words: what each task is made of, and which need no copy of their own. */
export function attributionNote(study: Study, found: readonly Attribution[], left: number): Note {
  const whole = found.filter(({ part }) => part.kind === 'all');
  const lines = whole.slice(0, TARGETS_SHOWN).map((each) => targetLine(study, each));
  if (whole.length > TARGETS_SHOWN) {
    lines.push(`The table "explained" has ${countText(whole.length - TARGETS_SHOWN, 'more task')}.`);
  }
  const missing =
    left > 0
      ? ` ${countText(left, 'tensor')} that some task lacks ${left === 1 ? 'is' : 'are'} left out.`
      : '';
  return {
    kind: 'note',
    id: 'advice',
    title: 'What each task is made of',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...lines,
      `Limits: a combination of weights that explains a task vector need not do its task, and every further source raises R² a little.${missing}`,
    ].join('\n'),
  };
}

function targetLine(
  { tasks }: Study,
  { target, sources, explained, contributions, least }: Attribution,
): string {
  const name = tasks[target]?.name ?? '';
  if (explained === null) return `${name}: nothing changed, so there is nothing to explain.`;
  const parts = sources
    .map((source, s) => ({ source, share: contributions[s] ?? 0, coefficient: least[s] ?? 0 }))
    .sort((a, b) => b.share - a.share)
    .filter(({ share }) => share > explained / 20 && share > 0.005)
    .slice(0, 3)
    .map(
      ({ source, share, coefficient }) =>
        `${shortNumber(100 * share)} % ${tasks[source]?.name ?? ''} (coefficient ${shortNumber(coefficient)})`,
    );
  const made = parts.length > 0 ? `: ${parts.join(', ')}` : '';
  const percent = `${shortNumber(100 * explained)} % of it lies in the span of the others${made}`;
  if (explained >= REDUNDANT) return `${name}: ${percent}. Store the coefficients in the place of a copy.`;
  if (explained <= NEW) return `${name}: ${percent}. It is new: none of the others can stand for it.`;
  return `${name}: ${percent}; the rest is new.`;
}
