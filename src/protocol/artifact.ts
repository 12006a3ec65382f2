import type { Finding } from './finding';
import type { ParameterValues } from './lens';
import type { PackedNumbers } from './numbers';

/** One row or column of a matrix: where in the network it stands, so that a click can lead on. */
export interface AxisEntry {
  readonly label: string;
  readonly layer?: string;
  readonly module?: string;
  readonly head?: number;
  readonly tensor?: string;
  readonly task?: string;
}

/**
 * Which of several like artifacts this one is, e.g. `{ task: 'rot90', metric: 'relative' }`. A view offers a switch for
 * every facet that varies inside a result; the facet `task` can also be laid side by side.
 */
export type Facets = Readonly<Record<string, string>>;

interface ArtifactBase {
  readonly id: string;
  readonly title: string;
  readonly facets?: Facets;
  /** What to know before reading it: tensor set, layer order, or `proxy: ...` where it stands in for a paper's figure. */
  readonly caption?: string;
}

export type Scale = 'sequential' | 'diverging' | 'categorical';

/** `values` is row-major, `rows.length × columns.length`; an undefined cell is `null`. */
export interface Matrix extends ArtifactBase {
  readonly kind: 'matrix';
  readonly rows: readonly AxisEntry[];
  readonly columns: readonly AxisEntry[];
  readonly rowTitle: string;
  readonly columnTitle: string;
  readonly values: PackedNumbers;
  /** What a number means, e.g. `‖τ‖ / ‖θ₀‖`; `share` for 0..1 figures. */
  readonly unit: string;
  readonly scale: Scale;
  /** The range the colours span; for `diverging` symmetric about 0. `null`: nothing is defined. */
  readonly domain: readonly [number, number] | null;
  /** Row and column orders other than the given one, e.g. by dendrogram; indices into rows and columns. */
  readonly orders?: readonly {
    readonly title: string;
    readonly rows: readonly number[];
    readonly columns: readonly number[];
  }[];
  /** What kind of figure it is, so that how much a task needs weights can be laid over how far training moved them. */
  readonly measures?: 'movement' | 'importance';
  /** Importances of the same cells, laid over a movement. */
  readonly overlay?: MatrixOverlay;
}

/** A second figure of every cell of a matrix. */
export interface MatrixOverlay {
  /** What it is: `Fisher information of a weight on average`. */
  readonly title: string;
  readonly unit: string;
  /** In the order of the matrix's own values. */
  readonly values: PackedNumbers;
}

/** Lines over one shared x axis; `null` breaks a line. */
export interface Series extends ArtifactBase {
  readonly kind: 'series';
  readonly x: { readonly title: string; readonly values: readonly (number | string)[] };
  readonly lines: readonly {
    readonly name: string;
    readonly values: PackedNumbers;
    /** The task a line is of, so that a selection reaches it. */
    readonly task?: string;
  }[];
  readonly unit: string;
  /** `stacked`: shares on top of each other, from 0. Lines where not given. */
  readonly style?: 'lines' | 'stacked';
  /** Where the axes are logarithmic; values that are not positive are left out there. */
  readonly logarithmic?: { readonly x?: boolean; readonly y?: boolean };
  /** What stands at each x, so that a click leads on; as long as `x.values`. */
  readonly places?: readonly AxisEntry[];
}

/** A list (such as all singular values of a tensor) stands in a hidden column: it is for programs, not for reading. */
export type TableCell = string | number | boolean | null | readonly number[];

export interface TableColumn {
  readonly name: string;
  readonly title: string;
  readonly type: 'text' | 'number' | 'integer' | 'share' | 'bytes' | 'boolean';
  /** Not shown in a view unless asked for. */
  readonly hidden?: boolean;
}

/** `rows[i][j]` belongs to `columns[j]`. Command line consumers rely on `id` and on column names. */
export interface Table extends ArtifactBase {
  readonly kind: 'table';
  readonly columns: readonly TableColumn[];
  readonly rows: readonly (readonly TableCell[])[];
}

/** `counts[i]` values lie in `[edges[i], edges[i + 1])`, the last bin closed. */
export interface Histogram extends ArtifactBase {
  readonly kind: 'histogram';
  readonly edges: readonly number[];
  readonly counts: readonly number[];
  readonly unit: string;
  /** A logarithmic axis: all edges are positive, but for a first one of 0. */
  readonly logarithmic?: boolean;
  readonly cuts?: HistogramCuts;
}

/**
 * Two cuts that a reader drags over a histogram of sizes |τ|: the largest `drop` of all entries is left out and the next
 * `keep` stays. While a cut moves, density and energy are read off the bins; on release the lens runs with the two
 * parameters and answers exactly.
 */
export interface HistogramCuts {
  /** Names of the lens's parameters, both shares of all entries. */
  readonly keepParameter: string;
  readonly dropParameter: string;
  readonly keep: number;
  readonly drop: number;
  /** Σx² of the values in each bin, as long as `counts`. */
  readonly energies: readonly number[];
}

export interface Scatter extends ArtifactBase {
  readonly kind: 'scatter';
  readonly x: { readonly title: string; readonly values: PackedNumbers };
  readonly y: { readonly title: string; readonly values: PackedNumbers };
  readonly points: readonly AxisEntry[];
  /** The group of each point, from 0 on, told apart by colour and mark; as long as `points`. */
  readonly groups?: readonly number[];
  /** What each group is, for the key; by number where not given. */
  readonly groupNames?: readonly string[];
  /** `false`: points are so many of a kind that they are named only when pointed at. */
  readonly isNamed?: boolean;
}

/** A directed graph with nodes in columns, e.g. heads by layer and which later heads they write to. */
export interface Graph extends ArtifactBase {
  readonly kind: 'graph';
  /** `column` is the place from left to right (a layer), `row` the place in its column (a head). */
  readonly nodes: readonly { readonly entry: AxisEntry; readonly column: number; readonly row: number }[];
  readonly columnTitle: string;
  readonly rowTitle: string;
  /** Indices into `nodes`; strongest first. */
  readonly edges: readonly {
    readonly from: number;
    readonly to: number;
    readonly weight: number;
    /** E.g. `K-composition`; told apart by colour. */
    readonly group?: string;
  }[];
  readonly unit: string;
}

/** A dendrogram: leaves are `leaves[i]`; every merge joins two earlier nodes (leaf i is node i, merge k is node leaves.length + k). */
export interface Tree extends ArtifactBase {
  readonly kind: 'tree';
  readonly leaves: readonly AxisEntry[];
  readonly merges: readonly { readonly left: number; readonly right: number; readonly height: number }[];
  readonly order: readonly number[];
  readonly unit: string;
}

/** Plain text (never HTML, never Markdown with links). */
export interface Note extends ArtifactBase {
  readonly kind: 'note';
  readonly severity: 'information' | 'warning';
  readonly text: string;
  /** `recommendation`: what to do, with its reason and its limits. `verdict`: what to know before anything else. */
  readonly role?: 'recommendation' | 'verdict';
}

export type Artifact = Matrix | Series | Table | Histogram | Scatter | Tree | Graph | Note;

/** What every run of a lens returns, and what `--json` prints. */
export interface LensResult {
  readonly lens: string;
  readonly version: number;
  readonly study: string;
  readonly parameters: ParameterValues;
  readonly inputs: readonly { readonly name: string; readonly path: string; readonly fingerprint: string }[];
  readonly artifacts: readonly Artifact[];
  readonly findings: readonly Finding[];
  readonly elapsedMs: number;
  readonly bytesRead: number;
  /** Of a run that is still at work, or was stopped: what the result rests on (`37 of 256 samples`). */
  readonly partial?: string;
}
