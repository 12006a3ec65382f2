import { bitsOf } from '../../tensor/decode';
import type { TensorSpan } from '../../tensor/span';
import type { TensorEntry } from '../checkpoint';
import { formedSpan, shapeText, spanOf } from '../packed/layout';
import { dtypeOf, type ElementType } from './element-types';
import { graphsIn, type GraphWeight } from './graph-weights';
import { heldBytes, heldSpan } from './held-span';
import type { OnnxGraph, OnnxNode, OnnxTensor } from './types';

/** A weight by the values that it stands for, and the initializers that it is stored as: codes, scales, zero points. */
export interface Dequantized {
  /** That of the codes, without what the quantiser of ONNX Runtime adds. */
  readonly name: string;
  readonly label: string;
  readonly parts: readonly TensorEntry[];
  readonly span: TensorSpan;
}

/** What the nodes of a graph make of its initializers. */
export interface DequantizedWeights {
  /** By the name of the codes. */
  readonly weights: ReadonlyMap<string, Dequantized>;
  /** Scales and zero points, which are parts of weights. */
  readonly parts: ReadonlySet<string>;
  /** Weights that stay as they are stored, and why. */
  readonly refused: readonly { readonly name: string; readonly reason: string }[];
}

const QUANTISED = /_quantized$/;
const DOMAINS = ['', 'com.microsoft'];

/**
 * Initializers that `DequantizeLinear` turns into weights, y = (x − zero point) · scale: with one scale, one for every index of
 * an axis, or one for every block along an axis (onnx/docs/Operators.md, DequantizeLinear-21). `path` is the model's.
 */
export function dequantizedWeights(
  graph: OnnxGraph,
  held: readonly GraphWeight[],
  path: string,
): DequantizedWeights {
  const tensors = new Map(held.map(({ name, tensor }) => [name, tensor]));
  const weights = new Map<string, Dequantized>();
  const used = new Set<string>();
  const refused: { name: string; reason: string }[] = [];
  const nodes = graphsIn(graph).flatMap((each) => each.nodes);
  for (const node of nodes) {
    if (node.op !== 'DequantizeLinear' || !DOMAINS.includes(node.domain)) continue;
    const [x = '', scale = '', zero = ''] = node.inputs;
    const [codes, scales] = [tensors.get(x), tensors.get(scale)];
    const zeros = zero === '' ? null : tensors.get(zero);
    if (!codes || !scales || zeros === undefined || weights.has(x)) continue;
    const made = dequantized(node, { codes, scales, zeros }, path);
    if (typeof made === 'string') {
      refused.push({ name: x, reason: made });
      continue;
    }
    const names = [x, scale, zero];
    // What several weights share is listed with the first.
    const parts = made.parts.map((span, i) => ({ name: names[i] ?? '', span }));
    const plain = x.replace(QUANTISED, '');
    const name = tensors.has(plain) ? x : plain;
    weights.set(x, { ...made, name, parts: parts.filter(({ name }) => !used.has(name)) });
    for (const { name } of parts) used.add(name);
  }
  return { weights, parts: used, refused };
}

interface Inputs {
  readonly codes: OnnxTensor;
  readonly scales: OnnxTensor;
  readonly zeros: OnnxTensor | null;
}

interface Made {
  readonly label: string;
  /** Of codes, scales and zero points, as they lie. */
  readonly parts: readonly TensorSpan[];
  readonly span: TensorSpan;
}

/** The weight of a node, or why its inputs make none. */
function dequantized(node: OnnxNode, { codes, scales, zeros }: Inputs, path: string): Made | string {
  const { shape, count } = codes;
  const scaleType = dtypeOf(scales.type);
  if (scaleType === undefined || !/^(?:F32|F16|BF16|F64)$/.test(scaleType)) {
    return `has scales of the type ${scales.type}`;
  }
  const [code, zero] = [numbersOf(codes, path), zeros === null ? null : numbersOf(zeros, path)];
  if (code === null || (zeros !== null && zero === null)) return `is of the type ${codes.type}`;
  if (count === 0) return 'has no elements';
  const grid = gridOf(node, shape, scales);
  if (grid === null || (zeros !== null && (zeros.count !== scales.count || zeros.type !== codes.type))) {
    return `has the shape ${shapeText(shape)}, its scales ${shapeText(scales.shape)}`;
  }
  const scale = heldSpan(scales, scaleType, path);
  const parts = [code.held, scale, ...(zero === null ? [] : [zero.held])];
  const label = `${codes.type.toUpperCase()} · ${grid.label}`;
  // Signed numbers of less than a byte come out with `plus` added, as their zero points do.
  const entries = parts.map((span) => ({ name: '', span }));
  const span =
    'run' in grid
      ? formedSpan(shape, label, entries, {
          kind: 'affine',
          source: code.span,
          scales: scale,
          zeroPoints: zero?.span ?? code.plus,
          run: grid.run,
        })
      : formedSpan(shape, label, entries, {
          kind: 'scaled',
          codes: code.span,
          rows: grid.rows,
          columns: grid.columns,
          block: grid.block,
          scales: scale,
          zero: zero === null ? code.plus : 0,
          zeros: zero?.span ?? null,
          groups: null,
          groupCount: grid.groupCount,
          factor: 1,
          overall: null,
        });
  return { label, parts, span };
}

/** Whole numbers as bytes and wider, `plus` more than they are. `held` is what lies in the model. */
function numbersOf(
  tensor: OnnxTensor,
  path: string,
): { readonly span: TensorSpan; readonly held: TensorSpan; readonly plus: number } | null {
  const dtype = dtypeOf(tensor.type);
  if (dtype !== undefined) {
    const held = heldSpan(tensor, dtype, path);
    return bitsOf(dtype) % 8 === 0 && /^(?:[IU](?:8|16|32)|F8_.*)$/.test(dtype)
      ? { span: held, held, plus: 0 }
      : null;
  }
  const packed = PACKED[tensor.type];
  if (packed === undefined) return null;
  const held = heldBytes(tensor, path);
  return { span: unpacked(tensor, held, packed), held, plus: packed.plus };
}

interface PackedNumbers {
  readonly bits: number;
  readonly plus: number;
}

/** Whole numbers of less than a byte; half of their range is added to signed ones, so that what comes out has no sign. */
const PACKED: Readonly<Partial<Record<ElementType, PackedNumbers>>> = {
  uint4: { bits: 4, plus: 0 },
  int4: { bits: 4, plus: 8 },
  uint2: { bits: 2, plus: 0 },
  int2: { bits: 2, plus: 2 },
};

/** As long as a row of words may be: what is read for one number of it. */
const LONGEST_ROW = 4096;

/** Numbers of some bits, those in the lowest bits of a byte first, as bytes. The rows of words are none of the tensor's own. */
function unpacked({ shape, count }: OnnxTensor, held: TensorSpan, { bits, plus }: PackedNumbers): TensorSpan {
  let columns = count;
  for (let row = 32 / bits; row <= LONGEST_ROW && count % row === 0; row *= 2) columns = row;
  const entry = { name: '', span: held };
  const words = Math.ceil(held.bytes / 4);
  // What is no whole number of words is filled up with zeros.
  const source =
    held.bytes % 4 === 0
      ? held
      : spanOf('U8', [4 * words], 'U8', [entry], {
          kind: 'tiled',
          size: 1,
          shape: [4 * words],
          tiles: [{ from: [0], shape: [held.bytes], span: held }],
        });
  return spanOf('U8', shape, 'U8', [entry], {
    kind: 'bitPacked',
    bits,
    rows: columns === 0 ? 0 : count / columns,
    columns,
    along: 'columns',
    across: false,
    plus,
    source,
  });
}

type Grid =
  | { readonly label: string; readonly run: number }
  | {
      readonly label: string;
      readonly rows: number;
      readonly columns: number;
      readonly block: readonly [number, number];
      readonly groupCount: number;
    };

/** How scales lie over the codes; `null` where their shapes do not fit. */
function gridOf(node: OnnxNode, shape: readonly number[], { shape: scales, count }: OnnxTensor): Grid | null {
  const blockSize = integerOf(node, 'block_size', 0);
  if (blockSize === 0 && count === 1 && scales.length < 2) return { label: 'one scale', run: 1 };
  const given = integerOf(node, 'axis', 1);
  const axis = given < 0 ? given + shape.length : given;
  const length = shape[axis];
  if (length === undefined) return null;
  const behind = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  if (blockSize === 0) {
    const fits = scales.length === 1 && count === length;
    return fits ? { label: `axis ${String(axis)}`, run: behind } : null;
  }
  const blocks = shape.map((size, i) => (i === axis ? Math.ceil(size / blockSize) : size));
  if (blockSize < 0 || blocks.join() !== scales.join()) return null;
  const label = `blocks of ${String(blockSize)} along axis ${String(axis)}`;
  if (behind > 1) return { label, rows: length, columns: behind, block: [blockSize, 1], groupCount: behind };
  const rows = shape.slice(0, axis).reduce((product, size) => product * size, 1);
  return { label, rows, columns: length, block: [1, blockSize], groupCount: blocks[axis] ?? 1 };
}

function integerOf({ attributes }: OnnxNode, name: string, missing: number): number {
  const value = attributes.get(name);
  return value?.kind === 'int' ? value.value : missing;
}
