import type { TensorEntry } from '../format/checkpoint';
import { stackOf, type Architecture, type FusedOrder, type Stack } from './architecture';
import type { AttentionBlock, HeadSplit } from './attention';
import type { AttentionTensors, Projection } from './attention-tensors';
import { fusedOrderByName, fusedStarts, orderFits } from './fused-order';
import { sidesOf, type HeadPart } from './head-part';

/** Splits one attention; a text instead of a value says why it cannot be done. */
export class HeadSplitter {
  private readonly stack: Stack | null;
  private readonly inOut: boolean;

  constructor(
    private readonly tensors: AttentionTensors,
    private readonly label: string,
    private readonly architecture: Architecture | null,
    private readonly split: HeadSplit,
  ) {
    this.stack = architecture && stackOf(architecture, tensors.container);
    this.inOut = isConv1d(tensors);
  }

  block(): AttentionBlock | string {
    if (this.tensors.latent)
      return 'its queries, keys and values pass through a latent space, which is not split into heads yet.';
    const heads = this.split.heads > 0 ? this.split.heads : (this.stack?.heads ?? null);
    if (heads === null) return this.unknown();
    const query = this.weight('query');
    if (query) return this.separate(heads, query);
    const qkv = this.weight('qkv');
    return qkv ? this.fused(heads, qkv) : 'it has no query.';
  }

  private unknown(): string {
    const [first] = this.tensors.weights.values();
    const shape = first ? ` (${first.name}: ${first.span.shape.join(' × ')})` : '';
    return this.architecture
      ? `${this.architecture.path} does not say how many heads it has${shape}.`
      : `there is no config.json beside the weights that says how many heads it has${shape}.`;
  }

  private separate(heads: number, query: TensorEntry): AttentionBlock | string {
    const outputs = this.outputs(query);
    const size = outputs / heads;
    if (!Number.isInteger(size)) return misfit(query, `${outputs} rows`, `${heads} heads`);
    const both = this.weight('key-value') ?? this.weight('qkv');
    const key = this.weight('key') ?? both;
    const value = this.weight('value') ?? both;
    if (!key || !value) return `it has no ${key ? 'value' : 'key'}.`;
    const keyValueHeads = this.outputs(key) / size / (key === both ? 2 : 1);
    const wrong = this.check(heads, keyValueHeads, size, key);
    if (wrong !== null) return wrong;
    const valueSize = value === both ? size : this.outputs(value) / keyValueHeads;
    if (!Number.isInteger(valueSize)) {
      return misfit(value, `${this.outputs(value)} rows`, `${keyValueHeads} key/value heads`);
    }
    const starts = evenly(keyValueHeads, size);
    return this.assemble(heads, keyValueHeads, {
      query: this.part(query, evenly(heads, size), size),
      key: this.part(key, starts, size),
      value:
        value === both
          ? this.part(
              value,
              starts.map((start) => start + keyValueHeads * size),
              size,
            )
          : this.part(value, evenly(keyValueHeads, valueSize), valueSize),
    });
  }

  private fused(heads: number, qkv: TensorEntry): AttentionBlock | string {
    const outputs = this.outputs(qkv);
    const size = this.fusedSize(heads, qkv, outputs);
    const keyValueHeads = (outputs / size - heads) / 2;
    const wrong = this.check(heads, keyValueHeads, size, qkv);
    if (wrong !== null) return wrong;
    const order: FusedOrder = this.architecture?.fusedOrder ?? fusedOrderByName(qkv.name);
    if (!orderFits(order, heads, keyValueHeads)) return misfit(qkv, 'its rows', `${heads} heads`);
    const starts = fusedStarts(order, heads, keyValueHeads, size);
    return this.assemble(heads, keyValueHeads, {
      query: this.part(qkv, starts.query, size),
      key: this.part(qkv, starts.key, size),
      value: this.part(qkv, starts.value, size),
    });
  }

  /** The output projection has as many inputs as the queries have rows; without one only the configuration or equal thirds tell. */
  private fusedSize(heads: number, qkv: TensorEntry, outputs: number): number {
    const output = this.weight('output');
    if (output) return sidesOf(output, this.storedAs(output)).inputs / heads;
    const { keyValueHeads } = this.split;
    if (keyValueHeads > 0) return outputs / (heads + 2 * keyValueHeads);
    const configured = this.split.heads > 0 ? null : this.stack;
    if (configured?.headSize) return configured.headSize;
    if (configured?.keyValueHeads) return outputs / (heads + 2 * configured.keyValueHeads);
    // Nothing tells, but equal shares are certain where they are as wide as the input.
    return outputs === 3 * sidesOf(qkv, this.storedAs(qkv)).inputs ? outputs / (3 * heads) : NaN;
  }

  /** Whether heads of this size fit; what the user set counts, else what the configuration says. */
  private check(heads: number, keyValueHeads: number, size: number, key: TensorEntry): string | null {
    const whole = Number.isInteger(size) && Number.isInteger(keyValueHeads) && keyValueHeads > 0;
    if (!whole || heads % keyValueHeads !== 0) {
      return misfit(key, key.span.shape.join(' × '), `${heads} heads of ${String(size)}`);
    }
    const { split, stack } = this;
    if (split.keyValueHeads > 0) {
      return split.keyValueHeads === keyValueHeads
        ? null
        : misfit(key, `${keyValueHeads} key/value heads of ${size}`, `${split.keyValueHeads} of them`);
    }
    if (split.heads > 0 || this.tensors.kind === 'cross' || !stack) return null;
    if (stack.headSize !== null && stack.headSize !== size) {
      return misfit(key, `heads of ${size}`, `${stack.headSize} as config.json says`);
    }
    if (stack.keyValueHeads !== null && stack.keyValueHeads !== keyValueHeads) {
      return misfit(key, `${keyValueHeads} key/value heads`, `${stack.keyValueHeads} as config.json says`);
    }
    return null;
  }

  private assemble(
    heads: number,
    keyValueHeads: number,
    parts: Pick<AttentionBlock, 'query' | 'key' | 'value'>,
  ): AttentionBlock | string {
    const output = this.outputPart(heads, parts.value.size);
    if (typeof output === 'string') return output;
    return {
      layer: this.tensors.place.row,
      label: this.label,
      container: this.tensors.container,
      kind: this.tensors.kind,
      heads,
      keyValueHeads,
      headSize: parts.query.size,
      ...parts,
      output,
    };
  }

  private outputPart(heads: number, size: number): HeadPart | null | string {
    const entry = this.weight('output');
    if (!entry) return null;
    const stored = this.storedAs(entry);
    const { inputs } = sidesOf(entry, stored);
    if (inputs !== heads * size) return misfit(entry, `${inputs} inputs`, `${heads} heads of ${size}`);
    return { entry, stored, axis: 'in', starts: evenly(heads, size), size };
  }

  private part(entry: TensorEntry, starts: readonly number[], size: number): HeadPart {
    return { entry, stored: this.storedAs(entry), axis: 'out', starts, size };
  }

  private weight(projection: Projection): TensorEntry | undefined {
    return this.tensors.weights.get(projection);
  }

  private outputs(entry: TensorEntry): number {
    return sidesOf(entry, this.storedAs(entry)).outputs;
  }

  private storedAs({ name }: TensorEntry): HeadPart['stored'] {
    return this.inOut || name.endsWith('.kernel') ? 'in-out' : 'out-in';
  }
}

/** GPT-2 stores every weight of its attention as inputs × outputs; its `c_attn` shows it, being wider than high. */
function isConv1d({ weights }: AttentionTensors): boolean {
  const fused = weights.get('qkv');
  const [rows = 0, columns = 0] = fused?.span.shape ?? [];
  return fused !== undefined && /(?:^|\.)c_attn(?:\.|$)/.test(fused.name) && columns > rows;
}

function evenly(count: number, size: number): number[] {
  return Array.from({ length: count }, (_, index) => index * size);
}

function misfit({ name }: TensorEntry, has: string, wanted: string): string {
  return `${name} has ${has}, which does not fit ${wanted}.`;
}
