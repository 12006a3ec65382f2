import { placeInFile, type TensorSpan } from '../tensor/span';
import type { TensorEntry } from './checkpoint';
import { joined, MOST_GROUPS, rowsOf } from './gguf-spans';

/**
 * Weights of NVFP4 times the scale of the whole tensor, or of every expert, that stands beside them (`NAME.scale`, which
 * llama.cpp multiplies by when a model runs): only together they are the weights of the checkpoint.
 */
export function withTensorScales(tensors: readonly TensorEntry[]): readonly TensorEntry[] {
  const byName = new Map(tensors.map((entry) => [entry.name, entry]));
  const taken = new Set<string>();
  const scaled = tensors.map((entry) => {
    const { stored } = entry.span;
    if (stored?.kind !== 'blocks' || stored.format !== 'NVFP4') return entry;
    const scales = byName.get(entry.name.replace(/\.weight$/, '.scale'));
    const span = scales === undefined ? null : timesScales(entry.span, scales.span);
    if (scales === undefined || span === null) return entry;
    taken.add(scales.name);
    return { ...entry, span };
  });
  return scaled.filter(({ name }) => !taken.has(name));
}

function timesScales(codes: TensorSpan, scales: TensorSpan): TensorSpan | null {
  const columns = codes.shape.at(-1) ?? 1;
  const experts = codes.shape.length === 3 ? (codes.shape[0] ?? 1) : 1;
  const count = scales.count === experts ? experts : 1;
  if (scales.dtype !== 'F32' || scales.count !== count || codes.count === 0) return null;
  const rows = codes.count / columns / count;
  const { label, offset, bytes } = placeInFile(codes);
  const form = { zero: 0, zeros: null, groups: null, groupCount: 1, factor: 1, overall: null };
  return {
    ...codes,
    stored: {
      kind: 'scaled', ...form, codes, rows, columns, block: [rows, columns], scales,
      label, offset, bytes: bytes + placeInFile(scales).bytes,
    },
  }; // prettier-ignore
}

const FUSED = /(blk\.\d+\.)ffn_gate_up_exps\.(weight|bias)$/;

/**
 * Gate and up of experts as the two tensors that they usually are, where conversion has put the rows of one behind the other
 * (`--fuse-gate-up-exps` of llama.cpp's converter).
 */
export function withGateAndUp(tensors: readonly TensorEntry[]): readonly TensorEntry[] {
  return tensors.flatMap((entry) => {
    const [, layer, parameter] = FUSED.exec(entry.name) ?? [];
    if (layer === undefined || parameter === undefined) return [entry];
    const halves = [0, 1].map((half) => halfOf(entry.span, half));
    const [gate, up] = halves;
    if (!gate || !up) return [entry];
    return [
      { name: `${layer}ffn_gate_exps.${parameter}`, span: gate },
      { name: `${layer}ffn_up_exps.${parameter}`, span: up },
    ];
  });
}

/** Half of the rows of every expert. */
function halfOf(span: TensorSpan, half: number): TensorSpan | null {
  const [experts = 0, rows = 0, ...rest] = span.shape;
  if (experts < 1 || experts > MOST_GROUPS || rows % 2 !== 0) return null;
  const own = [rows / 2, ...rest];
  const parts = Array.from({ length: experts }, (_, expert) =>
    rowsOf(span, 2 * expert + half, 1, 2 * experts, own),
  ).filter((part) => part !== null);
  return parts.length < experts ? null : joined(parts, [experts, ...own]);
}
