import { compareRows, OTHER_LAYER, placeOf } from '../model/naming';

/** The whole model, a layer, or a tensor, with what was summed over it. */
export interface Scope<Sums> {
  readonly kind: 'all' | 'layer' | 'tensor';
  /** `all`, a layer, or a tensor: what tables call it. */
  readonly name: string;
  readonly label: string;
  readonly sums: Sums;
}

/** Rows of a table over pairs of tasks: beyond these, tensors and then layers are left out. */
const MOST_TENSOR_ROWS = 100_000;
const MOST_LAYER_ROWS = 1_000_000;

/** What a caption says of scopes. */
export const SCOPES_CAPTION =
  'Scope is the whole model ("all"), a layer ("(other)": what stands in no numbered layer), or a tensor.';

/**
 * Sums over the whole, over every layer and over every tensor, as tensors come in. With so many tasks that a table would
 * have more than 100,000 rows for tensors (a million for layers) there are no scopes for them, since sums over pairs grow
 * with the square of the tasks.
 */
export class ScopeSums<Sums> {
  private readonly all: Scope<Sums>;
  private readonly layers = new Map<string, Scope<Sums>>();
  private readonly tensors: Scope<Sums>[] = [];
  private readonly withTensors: boolean;
  private readonly withLayers: boolean;

  /** `tensors` are all that will be added, `rows` the rows that one scope has in the largest table. */
  constructor(
    tensors: readonly string[],
    rows: number,
    private readonly nothing: () => Sums,
  ) {
    this.all = { kind: 'all', name: 'all', label: 'whole model', sums: nothing() };
    const layers = new Set(tensors.map((tensor) => placeOf(tensor).layer));
    this.withTensors = tensors.length * rows <= MOST_TENSOR_ROWS;
    this.withLayers = layers.size * rows <= MOST_LAYER_ROWS;
  }

  /** Adds a tensor to every scope that it belongs to. */
  add(tensor: string, addTo: (sums: Sums) => void): void {
    addTo(this.all.sums);
    const { layer: name, layerLabel } = placeOf(tensor);
    if (this.withLayers) {
      const label = name === OTHER_LAYER ? name : layerLabel;
      const layer = this.layers.get(name) ?? { kind: 'layer', name, label, sums: this.nothing() };
      this.layers.set(name, layer);
      addTo(layer.sums);
    }
    if (!this.withTensors) return;
    const own: Scope<Sums> = { kind: 'tensor', name: tensor, label: tensor, sums: this.nothing() };
    this.tensors.push(own);
    addTo(own.sums);
  }

  /** The whole, layers in network order, tensors as they came. */
  list(): readonly Scope<Sums>[] {
    const layers = [...this.layers.values()].sort((a, b) => compareRows(a.name, b.name));
    return [this.all, ...layers, ...this.tensors];
  }

  /** What was left out, as the end of a caption; empty where nothing was. */
  get leftOut(): string {
    if (this.withTensors) return '';
    const what = this.withLayers ? 'Single tensors are' : 'Single tensors and layers are';
    return ` ${what} left out: there would be too many rows for so many tasks.`;
  }
}
