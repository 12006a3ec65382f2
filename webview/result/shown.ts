import type { Artifact, Matrix, Table, Tree } from '../../src/protocol/artifact';
import type { ResultViewState } from '../../src/protocol/panel';

/** A facet with more than one value. */
export interface FacetSwitch {
  readonly name: string;
  readonly values: readonly string[];
  /** What to call each value. */
  readonly titles: readonly string[];
}

/** What is on screen, made from a result and what the user has chosen. */
export interface Shown {
  readonly switches: readonly FacetSwitch[];
  /** Chosen value of every facet that varies. */
  readonly facets: Readonly<Record<string, string>>;
  /** The matrix in the middle; `null` where there is none. */
  readonly matrix: Matrix | null;
  /** That matrix alone, or the like ones of all tasks side by side. */
  readonly matrices: readonly Matrix[];
  /** What its numbers are called. */
  readonly measure: string;
  readonly sideBySide: boolean;
  readonly canStandSideBySide: boolean;
  readonly logarithmic: boolean;
  /** Title of the order in use; {@link GIVEN_ORDER} for that of the result. */
  readonly order: string;
  readonly orders: readonly string[];
  /** The dendrogram whose leaves stand in the order of the matrix's rows. */
  readonly tree: Tree | null;
  /** Matrices of other kinds than the one in the middle, one of each kind, as they are shown below it. */
  readonly further: readonly Shown[];
  readonly tables: readonly Table[];
  /** Figures and notes below the matrix. */
  readonly others: readonly Artifact[];
}

/** Name of the order in which a result comes. */
export const GIVEN_ORDER = 'given';

/** Works out what to show. Choices that this result does not have fall back to its first ones. */
export function deriveShown(artifacts: readonly Artifact[], view: ResultViewState): Shown {
  const switches = facetSwitches(artifacts);
  const wanted = Object.fromEntries(
    switches.map(({ name, values }) => {
      const chosen = view.facets?.[name];
      return [name, chosen !== undefined && values.includes(chosen) ? chosen : (values[0] ?? '')];
    }),
  );
  const [first, ...rest] = matrixFamilies(artifacts);
  const matrix = bestMatch(first ?? [], wanted);
  const elsewhere = (name: string) =>
    !first?.some((candidate) => candidate.facets?.[name] === wanted[name]) &&
    rest.flat().some((candidate) => candidate.facets?.[name] === wanted[name]);
  const decided = Object.keys(wanted).filter((name) => !elsewhere(name));
  const facets = { ...wanted, ...pick(matrix?.facets ?? {}, decided) };
  const shown = showMatrix(artifacts, view, { switches, facets }, first ?? [], matrix);
  const further = rest.map((family) =>
    showMatrix(artifacts, view, { switches, facets }, family, bestMatch(family, facets)),
  );
  const drawn = [shown, ...further].flatMap((one) => (one.matrix ? [one.matrix] : []));
  const others = shown.others.filter(
    (artifact) =>
      artifact.kind !== 'matrix' &&
      !(artifact.kind === 'tree' && drawn.some((candidate) => hasSameNames(artifact, candidate))),
  );
  return { ...shown, further, others };
}

function showMatrix(
  artifacts: readonly Artifact[],
  view: ResultViewState,
  chosen: Pick<Shown, 'switches' | 'facets'>,
  family: readonly Matrix[],
  matrix: Matrix | null,
): Shown {
  const metrics = chosen.switches.find(({ name }) => name === 'metric')?.values ?? [];
  const others = artifacts.filter(
    (artifact) => artifact.kind !== 'table' && agrees(artifact, chosen.facets, metrics),
  );
  const alike = matrix ? likeMatrices(family, matrix) : [];
  const sideBySide = (view.sideBySide ?? false) && alike.length > 1;
  const trees = others.filter((artifact) => artifact.kind === 'tree');
  const order = chosenOrder(matrix, trees, view.order);
  const tree = matrix ? (trees.find((candidate) => standsBeside(candidate, matrix, order)) ?? null) : null;
  return {
    ...chosen,
    matrix,
    matrices: sideBySide ? alike : matrix ? [matrix] : [],
    measure: matrix ? measureName(artifacts, matrix) : '',
    sideBySide,
    canStandSideBySide: alike.length > 1,
    logarithmic: view.colourScale === 'log' && matrix?.scale === 'sequential',
    order,
    orders: matrix?.orders?.length ? [GIVEN_ORDER, ...matrix.orders.map(({ title }) => title)] : [],
    tree: sideBySide ? null : tree,
    further: [],
    tables: artifacts.filter((artifact) => artifact.kind === 'table'),
    others,
  };
}

/**
 * Matrices by kind, in the order of the first of each: those of one kind have the same facets and axis titles and differ in the values of
 * the facets, so that a switch can lead from one to the other.
 */
export function matrixFamilies(artifacts: readonly Artifact[]): readonly (readonly Matrix[])[] {
  const families = new Map<string, Matrix[]>();
  const seen = new Map<string, number>();
  for (const artifact of artifacts) {
    if (artifact.kind !== 'matrix') continue;
    const facets = Object.entries(artifact.facets ?? {}).sort();
    const kind = JSON.stringify([facets.map(([name]) => name), artifact.rowTitle, artifact.columnTitle]);
    const values = `${kind} ${JSON.stringify(facets)}`;
    const times = (seen.get(values) ?? 0) + 1;
    seen.set(values, times);
    const key = `${kind} ${String(times)}`;
    families.set(key, [...(families.get(key) ?? []), artifact]);
  }
  return [...families.values()];
}

/**
 * Facets that vary inside a result: `metric` first, `task` next, then as they come. Metrics are those of the matrices, where there are
 * any: curves of another quantity stand below them whichever is chosen.
 */
export function facetSwitches(artifacts: readonly Artifact[]): FacetSwitch[] {
  const found = new Map<string, Set<string>>();
  const hasMetrics = artifacts.some(({ kind, facets }) => kind === 'matrix' && facets?.['metric']);
  for (const artifact of artifacts) {
    for (const [name, value] of Object.entries(artifact.facets ?? {})) {
      if (name === 'metric' && hasMetrics && artifact.kind !== 'matrix') continue;
      found.set(name, (found.get(name) ?? new Set()).add(value));
    }
  }
  const rank = (name: string) => (name === 'metric' ? 0 : name === 'task' ? 1 : 2);
  return [...found]
    .filter(([, values]) => values.size > 1)
    .map(([name, values]) => ({
      name,
      values: [...values],
      titles: [...values].map((value) => facetTitle(artifacts, name, value)),
    }))
    .sort((a, b) => rank(a.name) - rank(b.name));
}

/**
 * A readable name for the value of a facet, found in the titles of artifacts (`Relative norm · rot90`): the one part that all with this
 * value share and none with another one has; else the value itself.
 */
export function facetTitle(artifacts: readonly Artifact[], name: string, value: string): string {
  const parts = (artifact: Artifact) => artifact.title.split(' · ');
  const figures = artifacts.filter(
    (artifact) => artifact.kind === 'matrix' && artifact.facets?.[name] !== undefined,
  );
  const own = figures.filter((artifact) => artifact.facets?.[name] === value);
  const foreign = new Set(figures.filter((artifact) => !own.includes(artifact)).flatMap(parts));
  const [first, ...rest] = own.map(parts);
  const shared = (first ?? []).filter(
    (part) => !foreign.has(part) && rest.every((others) => others.includes(part)),
  );
  return shared.length === 1 && shared[0] ? shared[0] : value.replaceAll('_', ' ');
}

/** What the number in a cell is called: the title of the matrix's metric, else its unit. */
export function measureName(artifacts: readonly Artifact[], matrix: Matrix): string {
  const metric = matrix.facets?.['metric'];
  const title = metric === undefined ? matrix.unit : facetTitle(artifacts, 'metric', metric);
  // In the middle of a sentence, but an initial letter that stands for itself (`R²`) stays.
  return /^[A-Z][a-z]/.test(title) ? title.charAt(0).toLowerCase() + title.slice(1) : title;
}

/** Whether an artifact is of the chosen facet values. One of a metric that no switch offers is shown with all of them. */
function agrees(
  artifact: Artifact,
  facets: Readonly<Record<string, string>>,
  metrics: readonly string[],
): boolean {
  return Object.entries(artifact.facets ?? {}).every(
    ([name, value]) =>
      (facets[name] ?? value) === value ||
      (name === 'metric' && artifact.kind !== 'matrix' && !metrics.includes(value)),
  );
}

/** Not every combination of facet values must exist: the matrix that has most of the wanted ones wins, the first among equals. */
function bestMatch(matrices: readonly Matrix[], wanted: Readonly<Record<string, string>>): Matrix | null {
  const score = (matrix: Matrix) =>
    Object.entries(wanted).filter(([name, value]) => matrix.facets?.[name] === value).length;
  return matrices.reduce<Matrix | null>(
    (best, matrix) => (best === null || score(matrix) > score(best) ? matrix : best),
    null,
  );
}

/** Matrices that differ from one in their task only. */
function likeMatrices(matrices: readonly Matrix[], matrix: Matrix): Matrix[] {
  if (matrix.facets?.['task'] === undefined) return [matrix];
  const key = (candidate: Matrix) =>
    JSON.stringify(Object.entries({ ...candidate.facets, task: 'task' in (candidate.facets ?? {}) }).sort());
  return matrices.filter((candidate) => key(candidate) === key(matrix));
}

function chosenOrder(matrix: Matrix | null, trees: readonly Tree[], wanted: string | undefined): string {
  const titles = matrix?.orders?.map(({ title }) => title) ?? [];
  if (wanted !== undefined && (wanted === GIVEN_ORDER || titles.includes(wanted))) return wanted;
  const byTree = titles.find((title) => matrix && trees.some((tree) => standsBeside(tree, matrix, title)));
  return byTree ?? GIVEN_ORDER;
}

function standsBeside(tree: Tree, matrix: Matrix, title: string): boolean {
  const rows =
    matrix.orders?.find((order) => order.title === title)?.rows ?? matrix.rows.map((_, index) => index);
  return (
    hasSameNames(tree, matrix) &&
    rows.length === tree.order.length &&
    rows.every((row, position) => tree.leaves[tree.order[position] ?? -1]?.label === matrix.rows[row]?.label)
  );
}

function hasSameNames(tree: Tree, matrix: Matrix): boolean {
  const names = new Set(tree.leaves.map((leaf) => leaf.label));
  return tree.leaves.length === matrix.rows.length && matrix.rows.every((row) => names.has(row.label));
}

function pick(record: Readonly<Record<string, string>>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => names.includes(name)));
}
