import { createHash } from 'node:crypto';
import fs from 'node:fs';
import type { Finding } from '../protocol/finding';
import { success, type Result } from '../protocol/result';
import { bitsOf } from '../tensor/decode';
import type { DtypeName } from '../tensor/dtype';
import { placeInFile, type TensorSpan } from '../tensor/span';
import type { Checkpoint, Format, TensorEntry } from './checkpoint';
import { FileSource } from './onnx/byte-source';
import { dtypeOf } from './onnx/element-types';
import { dequantizedWeights, type Dequantized, type DequantizedWeights } from './onnx/dequantized';
import { modelWeights, type GraphWeight } from './onnx/graph-weights';
import { heldSpan } from './onnx/held-span';
import { moduleNames, type ModuleName } from './onnx/module-names';
import { readModelWeights, type ModelWeights } from './onnx/read-model';
import type { PassedOver } from './onnx/read-tensor';
import { sparseWeight } from './onnx/sparse-weights';
import type { OnnxModel, OnnxTensor } from './onnx/types';
import { FIXED32, LENGTH, VARINT, WireReader, type WireState } from './onnx/wire-reader';
import { countOf, formatFinding, quoted, type FormatCode } from './problems';
import { withFile, type FileState } from './read';

const ENDING = /\.onnx$/i;
/** So many names stand in a message. */
const MOST_NAMED = 4;

/** Fields of a ModelProto (onnx.proto3) and their wire types. */
const MODEL_FIELDS: ReadonlyMap<number, number> = new Map([
  [1, VARINT],
  [2, LENGTH],
  [3, LENGTH],
  [4, LENGTH],
  [5, VARINT],
  [6, LENGTH],
  [7, LENGTH],
  [8, LENGTH],
  [14, LENGTH],
  [20, LENGTH],
  [25, LENGTH],
  [26, LENGTH],
]);
const GRAPH = 7;
const MOST_FIELDS = 20_000;

/**
 * The weights of an ONNX model: initializers, and constants used as such. Reads everything but values. Tensors whose values
 * cannot be had are findings. Fails with `graph-not-onnx`, `graph-malformed`, `graph-too-large`, or as reading does.
 */
async function open(path: string): Promise<Result<Checkpoint>> {
  const read = await readModelWeights(path);
  if (!read.ok) return read;
  const { model, passedOver } = read.value;
  const weights = modelWeights(model).filter(({ tensor }) => !passedOver.tensors.has(tensor));
  const names = moduleNames(weights);
  const gathered = new Gathered(path, dequantizedWeights(model.graph, weights, path));
  for (const weight of weights) gathered.add(weight, names.get(weight.name));
  const sparse = gathered.addSparse(passedOver);
  const files = [read.value.file, ...externalFiles(path, weights)];
  return success({
    path,
    container: 'ONNX',
    files,
    tensors: gathered.tensors,
    metadata: metadataOf(model),
    fingerprint: fingerprintOf(files, gathered.tensors),
    findings: [...problemFindings(read.value, sparse), ...gathered.findings()],
  });
}

/** The tensors of a model as they are found, and what is to be said of them all together. */
class Gathered {
  readonly tensors: TensorEntry[] = [];
  private readonly names = new Set<string>();
  private readonly dequantised: Dequantized[] = [];
  private readonly said = new Map<FormatCode, string[]>();

  constructor(
    private readonly path: string,
    private readonly quantised: DequantizedWeights,
  ) {}

  add(weight: GraphWeight, module: ModuleName | undefined): void {
    const made = this.quantised.weights.get(weight.name);
    if (made === undefined && this.quantised.parts.has(weight.name)) return;
    const name = module?.name ?? made?.name ?? weight.name;
    const dtype = wholeBytes(weight.tensor);
    if (made === undefined && dtype === undefined) return this.say('onnx-type', weight.name);
    if (this.names.has(name)) return this.say('onnx-name-twice', name);
    this.names.add(name);
    const span = made?.span ?? heldSpan(weight.tensor, dtype ?? 'U8', this.path);
    const parts = made && { parts: made.parts };
    if (made !== undefined) this.dequantised.push({ ...made, name });
    if (module !== undefined) this.say('onnx-module-name', `${weight.name} → ${name}`);
    if (module?.transposed !== true) return void this.tensors.push({ name, span, ...parts });
    this.say('onnx-transposed', name);
    this.tensors.push({ name, span: transposed(span), ...parts });
  }

  /** Adds sparse initializers, and gives the names of those that are left out. */
  addSparse({ sparse, tensors }: PassedOver): readonly string[] {
    return sparse.flatMap((one) => {
      const span = tensors.has(one.values) ? null : sparseWeight(one, this.path);
      if (span === null) return [one.name];
      if (this.names.has(one.name)) this.say('onnx-name-twice', one.name);
      else this.tensors.push({ name: one.name, span });
      this.names.add(one.name);
      return [];
    });
  }

  findings(): readonly Finding[] {
    const findings = [...this.said].map(([code, names]) => {
      const shown = names.slice(0, MOST_NAMED).map(quoted).join(', ');
      const more = names.length > MOST_NAMED ? ` and ${String(names.length - MOST_NAMED)} more` : '';
      return formatFinding(code, this.path, `${this.path}: ${SAID[code] ?? ''}: ${shown}${more}.`, names[0]);
    });
    findings.push(...this.quantisedFindings());
    if (this.tensors.length > 0) return findings;
    const message = `${this.path} is an ONNX graph without a weight in it.`;
    return [...findings, formatFinding('no-tensors', this.path, message)];
  }

  private quantisedFindings(): Finding[] {
    const findings: Finding[] = [];
    const [first] = this.dequantised;
    const [refusal] = this.quantised.refused;
    if (first !== undefined) {
      const are = this.dequantised.length === 1 ? 'is' : 'are';
      const what = `${countOf(this.dequantised.length, 'weight')} ${are} stored for DequantizeLinear (${first.label}) and shown dequantised`;
      const parts = first.parts.map(({ name }) => quoted(name)).join(', ');
      const message = `${this.path}: ${what}; ${quoted(first.name)}, for example, is stored as ${parts}.`;
      findings.push(formatFinding('weights-packed', this.path, message, first.name));
    }
    if (refusal !== undefined) {
      const what = `${countOf(this.quantised.refused.length, 'weight')} of DequantizeLinear stay as stored`;
      const message = `${this.path}: ${what}; ${quoted(refusal.name)} ${refusal.reason}.`;
      findings.push(formatFinding('weights-packed-unread', this.path, message, refusal.name));
    }
    return findings;
  }

  private say(code: FormatCode, name: string): void {
    const names = this.said.get(code);
    if (names === undefined) this.said.set(code, [name]);
    else names.push(name);
  }
}

const SAID: Readonly<Partial<Record<FormatCode, string>>> = {
  'onnx-type': 'tensors of a type that is not read, or that end within a byte, are left out',
  'onnx-name-twice': 'names that two tensors have are listed once',
  'onnx-module-name': 'weights with a number for a name are named after the module that uses them',
  'onnx-transposed': 'weights that the exporter transposed are shown as the module has them',
};

/** The type of a tensor that ends with a byte; an odd number of halves has no place in any other container. */
function wholeBytes({ type, count }: OnnxTensor): DtypeName | undefined {
  const dtype = dtypeOf(type);
  return dtype !== undefined && (count * bitsOf(dtype)) % 8 === 0 ? dtype : undefined;
}

/** The transpose of a matrix, read from where the matrix lies. */
function transposed(span: TensorSpan): TensorSpan {
  const [rows = 1, columns = 1] = span.shape;
  const bits = bitsOf(span.dtype);
  if (span.count === 0 || bits % 8 !== 0) return span;
  const shape = [columns, rows];
  const place = placeInFile(span);
  const stored = {
    kind: 'strided',
    label: `${place.label} (transposed)`,
    offset: place.offset,
    bytes: place.bytes,
    size: bits / 8,
    shape,
    strides: [1, columns],
    start: 0,
    source: span,
  } as const;
  return {
    path: span.path,
    offset: 0,
    bytes: span.bytes,
    dtype: span.dtype,
    shape,
    count: span.count,
    stored,
  };
}

/** The files beside the model that weights lie in. */
function externalFiles(path: string, weights: readonly GraphWeight[]): readonly FileState[] {
  const others = new Set<string>();
  for (const { tensor } of weights) {
    if (tensor.data.kind === 'file' && tensor.data.path !== path) others.add(tensor.data.path);
  }
  return [...others].map((other) => {
    const { size, mtimeMs } = fs.statSync(other);
    return { path: other, bytes: size, modifiedMs: mtimeMs };
  });
}

function problemFindings({ model, problems }: ModelWeights, sparse: readonly string[]): readonly Finding[] {
  const { path } = model;
  const findings = problems.map(({ code, message, action, at }): Finding => {
    const finding = { code, severity: 'error', path, message, help: action } as const;
    return at === undefined ? finding : { ...finding, at };
  });
  const [first] = sparse;
  if (first === undefined) return findings;
  const shown = sparse.slice(0, MOST_NAMED).map(quoted).join(', ');
  const message = `${path}: ${countOf(sparse.length, 'sparse initializer')} are left out: ${shown}.`;
  return [...findings, formatFinding('onnx-sparse', path, message, first)];
}

function metadataOf({ producer, irVersion, opsets, metadata }: OnnxModel): Readonly<Record<string, string>> {
  const sets = [...opsets].map(
    ([domain, version]) => `${domain === '' ? 'ai.onnx' : domain} ${String(version)}`,
  );
  return Object.fromEntries([
    ...(metadata ?? []),
    ...(producer === '' ? [] : [['producer', producer] as const]),
    ['ir_version', String(irVersion)],
    ['opsets', sets.join(', ')],
  ]);
}

function fingerprintOf(files: readonly FileState[], tensors: readonly TensorEntry[]): string {
  const hash = createHash('sha256');
  for (const { bytes, modifiedMs } of files) hash.update(`${String(bytes)} ${String(modifiedMs)}\n`);
  for (const { name, span } of tensors) {
    hash.update(
      `${name} ${span.dtype} ${String(span.shape)} ${String(span.stored?.offset ?? span.offset)}\n`,
    );
  }
  return hash.digest('hex').slice(0, 32);
}

/** A file that is the fields of a model from its first byte to its last; a torn one by its name. */
async function recognises(path: string): Promise<boolean> {
  const walked = await withFile(path, async ({ bytes }) => {
    const descriptor = fs.openSync(path, 'r');
    try {
      return await Promise.resolve(success(walk(new FileSource(path, bytes, descriptor))));
    } finally {
      fs.closeSync(descriptor);
    }
  });
  return walked.ok && (walked.value === 'whole' || (walked.value === 'begun' && ENDING.test(path)));
}

/** Passes over the outermost fields without reading what is in them. */
function walk(source: FileSource): 'whole' | 'begun' | 'other' {
  const state: WireState = { source, failure: null };
  const reader = new WireReader(state, 0, source.length);
  const seen = new Set<number>();
  for (let fields = 0; reader.next(); fields++) {
    if (MODEL_FIELDS.get(reader.field) !== reader.wire || reader.wire === FIXED32 || fields > MOST_FIELDS) {
      return seen.size > 0 ? 'begun' : 'other';
    }
    reader.skip();
    if (state.failure === null) seen.add(reader.field);
    else if (seen.size === 0) return 'other';
  }
  const isWhole = state.failure === null && source.problem === null && seen.has(GRAPH) && seen.size > 1;
  return isWhole ? 'whole' : seen.size > 0 ? 'begun' : 'other';
}

/** An ONNX model, whose weights are a checkpoint. */
export const onnx: Format = {
  description: {
    id: 'onnx',
    title: 'ONNX',
    endings: ['.onnx'],
    supports: [
      'initializers and constants that are weights; external data in the same folder',
      'quantised weights by the values that DequantizeLinear gives them: 4 and 8 bits, by tensor, axis or block',
      'names of modules where the exporter gave numbers',
    ],
  },
  recognises,
  open,
};
