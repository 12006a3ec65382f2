import type { Place } from '../model/place';
import type { Artifact, Matrix, Note, Table } from '../protocol/artifact';
import { packNumbers, unpackNumbers } from '../protocol/numbers';
import { matchAtoms, sharedEnergy, type Atoms, type ModuleAtoms } from './atom-sums';
import { fromZero } from './domain';
import { AXES_CAPTION, networkAxes, networkMatrix } from './network-axes';
import { recommendation } from './recommendation';
import { namesText, percent } from './wording';

/** The atoms of one module. */
export interface TensorAtoms {
  readonly tensor: string;
  readonly place: Place;
  readonly atoms: ModuleAtoms;
}

export interface AdapterAtoms {
  readonly name: string;
  /** In network order; only changes with factors. */
  readonly tensors: readonly TensorAtoms[];
}

/** Atoms are shown up to this rank; the table of modules counts all. */
const MOST_ATOMS = 64;

/** Heatmaps, tables and advice of the atoms of some adapters. */
export function atomArtifacts(adapters: readonly AdapterAtoms[]): readonly Artifact[] {
  const filled = adapters.filter(({ tensors }) => tensors.length > 0);
  const shared = filled.length > 1 ? sharedMatrix(filled) : null;
  return [
    advice(filled, shared),
    ...filled.map((adapter) => atomMatrix(adapter, 'svd', 'Share of each singular atom')),
    ...filled.map((adapter) => atomMatrix(adapter, 'raw', 'Share of each atom as stored')),
    ...filled.map(redundancyMatrix),
    ...(shared ? [shared] : []),
    moduleTable(filled),
    atomTable(filled),
  ];
}

function squaresOf({ strengths }: Atoms): number {
  return strengths.reduce((sum, value) => sum + value * value, 0);
}

function atomMatrix({ name, tensors }: AdapterAtoms, gauge: 'raw' | 'svd', title: string): Matrix {
  const most = Math.min(MOST_ATOMS, Math.max(...tensors.map(({ atoms }) => atoms[gauge].strengths.length)));
  const values = tensors.flatMap(({ atoms }) => {
    const { strengths } = atoms[gauge];
    const all = squaresOf(atoms[gauge]);
    return Array.from({ length: most }, (_, k) => {
      const strength = strengths[k];
      return strength === undefined || all === 0 ? null : strength ** 2 / all;
    });
  });
  return {
    kind: 'matrix',
    id: `${gauge}:${name}`,
    title: `${title} · ${name}`,
    facets: { metric: gauge, task: name },
    caption:
      gauge === 'raw'
        ? 'A cell is ‖s·bₖaₖᵀ‖² over their sum. Atoms as stored are not orthogonal: other factors of the same change have others.'
        : 'A cell is σₖ² over their sum, the same for all factors of one change.',
    rows: tensors.map(({ tensor, place }) => ({
      label: `${place.layerLabel} ${place.module}`,
      layer: place.layer,
      module: place.module,
      tensor,
      task: name,
    })),
    columns: Array.from({ length: most }, (_, k) => ({ label: String(k + 1) })),
    rowTitle: 'module',
    columnTitle: gauge === 'raw' ? 'atom as stored' : 'atom by strength',
    values: packNumbers(values),
    unit: 'share',
    scale: 'sequential',
    domain: fromZero(values),
  };
}

function redundancyMatrix({ name, tensors }: AdapterAtoms): Matrix {
  const axes = networkAxes(tensors.map(({ place }) => place));
  const values = new Array<number | null>(axes.rows.length * axes.columns.length).fill(null);
  for (const { place, atoms } of tensors) {
    const cell = axes.cellOf(place);
    if (atoms.redundancy !== null) values[cell] = Math.max(values[cell] ?? 0, atoms.redundancy);
  }
  return networkMatrix(axes, values, {
    id: `redundancy:${name}`,
    title: `Largest |cos| of two atoms as stored · ${name}`,
    facets: { task: name },
    caption: `1: two ranks of the module say the same. ${AXES_CAPTION}`,
    unit: '|cos|',
    scale: 'sequential',
    domain: [0, 1],
  });
}

/** Adapters × adapters: how much of the row's change the column's has, over the modules that both have. */
function sharedMatrix(adapters: readonly AdapterAtoms[]): Matrix {
  const n = adapters.length;
  const values = Array.from({ length: n * n }, (_, at): number | null => (at % (n + 1) === 0 ? 1 : null));
  adapters.forEach((x, i) => {
    adapters.slice(0, i).forEach((y, j) => {
      const { first, second } = sharedBy(x, y);
      values[i * n + j] = first;
      values[j * n + i] = second;
    });
  });
  const entries = adapters.map(({ name }) => ({ label: name, task: name }));
  return {
    kind: 'matrix',
    id: 'shared',
    title: 'How much of an adapter another one has, atom by atom',
    caption:
      'Singular atoms of the row, each matched with one of the column in the same module: energy times |cos|, over the energy of all. Modules that only one adapter has count as not shared.',
    rows: entries,
    columns: entries,
    rowTitle: 'of',
    columnTitle: 'is in',
    values: packNumbers(values),
    unit: 'share',
    scale: 'sequential',
    domain: [0, 1],
  };
}

/** The part of the first that the second has, and the other way round, from one matching of the atoms of each module. */
function sharedBy(
  x: AdapterAtoms,
  y: AdapterAtoms,
): { readonly first: number | null; readonly second: number | null } {
  const others = new Map(y.tensors.map(({ tensor, atoms }) => [tensor, atoms]));
  let [first, second] = [0, 0];
  for (const { tensor, atoms } of x.tensors) {
    const other = others.get(tensor);
    if (!other || !haveOneShape(atoms, other)) continue;
    const matches = matchAtoms(atoms.svd, other.svd);
    const turned = matches.map((match) => ({ ...match, first: match.second, second: match.first }));
    first += squaresOf(atoms.svd) * (sharedEnergy(atoms.svd, matches) ?? 0);
    second += squaresOf(other.svd) * (sharedEnergy(other.svd, turned) ?? 0);
  }
  const shareOf = (shared: number, { tensors }: AdapterAtoms) => {
    const all = tensors.reduce((sum, { atoms }) => sum + squaresOf(atoms.svd), 0);
    return all > 0 ? shared / all : null;
  };
  return { first: shareOf(first, x), second: shareOf(second, y) };
}

function haveOneShape({ svd: { delta: x } }: ModuleAtoms, { svd: { delta: y } }: ModuleAtoms): boolean {
  return x.rows === y.rows && x.columns === y.columns;
}

function moduleTable(adapters: readonly AdapterAtoms[]): Table {
  return {
    kind: 'table',
    id: 'modules',
    title: 'Atoms of every module',
    columns: [
      { name: 'task', title: 'Adapter', type: 'text' },
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'rank', title: 'Rank', type: 'integer' },
      { name: 'dead', title: 'Dead atoms', type: 'integer' },
      { name: 'redundancy', title: 'Largest |cos| of two atoms', type: 'number' },
      { name: 'first_share', title: 'Share of the strongest singular atom', type: 'share' },
      { name: 'norm', title: '‖ΔW‖', type: 'number' },
    ],
    rows: adapters.flatMap(({ name, tensors }) =>
      tensors.map(({ tensor, atoms }) => {
        const all = squaresOf(atoms.svd);
        const first = atoms.svd.strengths[0] ?? 0;
        const share = all > 0 ? first ** 2 / all : null;
        const { rank } = atoms.raw.delta;
        return [name, tensor, rank, atoms.dead, atoms.redundancy, share, Math.sqrt(all)];
      }),
    ),
  };
}

function atomTable(adapters: readonly AdapterAtoms[]): Table {
  return {
    kind: 'table',
    id: 'atoms',
    title: 'Strength of every atom',
    columns: [
      { name: 'task', title: 'Adapter', type: 'text' },
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'atom', title: 'Atom', type: 'integer' },
      { name: 'raw', title: 'Strength as stored', type: 'number' },
      { name: 'svd', title: 'Singular value', type: 'number' },
    ],
    rows: adapters.flatMap(({ name, tensors }) =>
      tensors.flatMap(({ tensor, atoms: { raw, svd } }) =>
        Array.from(raw.strengths, (strength, k) => [name, tensor, k + 1, strength, svd.strengths[k] ?? null]),
      ),
    ),
  };
}

/** Two raw atoms with a larger |cos| are counted as saying the same. */
const SAME = 0.95;

/** Two adapters share much from this part of the energy on. */
const MUCH = 0.5;
const MOST_NAMED = 4;

function sharedText({ rows, values }: Matrix): string[] {
  const shares = unpackNumbers(values);
  const name = (at: number) => rows[at]?.label ?? '';
  const pairs = rows.flatMap((_, x) =>
    rows.flatMap((__, y) => {
      const share = Math.max(shares[x * rows.length + y] ?? 0, shares[y * rows.length + x] ?? 0);
      return x < y && share >= MUCH ? [`${name(x)} and ${name(y)} (${percent(share)})`] : [];
    }),
  );
  if (pairs.length === 0)
    return ['No two adapters share half of their atoms: their ranks can stand side by side.'];
  return [
    `Share most of their atoms, so weight one of the two down in a merge: ${namesText(pairs, MOST_NAMED)}.`,
  ];
}

function advice(adapters: readonly AdapterAtoms[], shared: Matrix | null): Note {
  const lines = adapters.map(({ name, tensors }) => {
    const ranks = tensors.reduce((sum, { atoms }) => sum + atoms.raw.delta.rank, 0);
    const dead = tensors.reduce((sum, { atoms }) => sum + atoms.dead, 0);
    const double = tensors.filter(({ atoms }) => (atoms.redundancy ?? 0) > SAME).length;
    const first = tensors.reduce((sum, { atoms: { svd } }) => sum + (svd.strengths[0] ?? 0) ** 2, 0);
    const all = tensors.reduce((sum, { atoms }) => sum + squaresOf(atoms.svd), 0);
    const parts = [
      `the strongest atom of each module has ${percent(first / Math.max(all, Number.MIN_VALUE))} of the energy`,
      dead > 0 ? `${percent(dead / Math.max(1, ranks))} of the atoms are dead: resize it` : 'no atom is dead',
      ...(double > 0
        ? [`in ${String(double)} of ${String(tensors.length)} modules two atoms say the same`]
        : []),
    ];
    return `${name}: ${parts.join('; ')}.`;
  });
  return recommendation(
    'What the ranks are for',
    [...lines, ...(shared ? sharedText(shared) : [])],
    'atoms as stored depend on how the change is factored; only the singular ones are a property of the adapter. Strength says how far weights move, not what for.',
  );
}
