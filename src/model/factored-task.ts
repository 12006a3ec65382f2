import type { Checkpoint, TensorEntry } from '../format/checkpoint';
import { success, type Result } from '../protocol/result';
import { decodeInto } from '../tensor/decode';
import type { LowRankDelta } from '../tensor/pass';
import type { TensorSpan } from '../tensor/span';
import { fitModules, type ModuleFit } from './adapter-fit';
import { shapeText, type AdapterDescription, type AdapterModule } from './adapter-modules';
import { bestNameChange, changeName, sameShape } from './base-tensor';
import { isFloating, type BuiltTask } from './dense-task';
import { ModelFindings } from './model-findings';
import type { TensorDelta } from './task-vector';

/** Reads the bytes of one tensor. */
export type ReadSpan = (span: TensorSpan) => Promise<Result<Uint8Array>>;

/**
 * The task vector of a LoRA adapter, `τ = s·B·A` for each module it targets (Hu et al. 2022), and `τ = θ − θ₀` for
 * parameters it saved whole. Without a base, modules are known as `module.weight` and whole parameters are left out.
 * An adapter of another kind gives an empty task vector and a finding that says why.
 */
export function factoredTask(
  name: string,
  checkpoint: Checkpoint,
  adapter: AdapterDescription,
  base: Checkpoint | null,
  read: ReadSpan,
): BuiltTask {
  const placing = new Placing(name, checkpoint, adapter, read);
  if (adapter.config.refusal !== null) placing.reportRefusal(adapter.config.refusal);
  else if (base) placing.placeIn(base);
  else placing.placeAlone();
  return {
    task: { name, checkpoint, kind: 'factored', deltas: placing.deltas, unplaced: placing.unplaced },
    findings: [...adapter.findings, ...placing.findings.all()],
  };
}

class Placing {
  readonly deltas = new Map<string, TensorDelta>();
  readonly unplaced: { tensor: string; reason: string }[];
  readonly findings: ModelFindings;

  constructor(
    private readonly name: string,
    checkpoint: Checkpoint,
    private readonly adapter: AdapterDescription,
    private readonly read: ReadSpan,
  ) {
    this.findings = new ModelFindings(checkpoint.path);
    this.unplaced = [...adapter.unplaced];
    if (adapter.config.refusal !== null) return;
    for (const { tensor, reason } of adapter.unplaced) this.reportUnplaced(tensor, reason);
  }

  reportRefusal(reason: string): void {
    const { kind } = this.adapter.config;
    this.findings.add(
      'adapter-kind-unsupported',
      `${this.name} is an adapter of the kind ${kind}: ${reason}`,
    );
  }

  placeIn(base: Checkpoint): void {
    const fits = fitModules(this.adapter.modules, base, this.adapter.config.fanInFanOut);
    for (const [index, module] of this.adapter.modules.entries()) {
      const fit = fits[index];
      if (fit) this.placeModule(module, fit);
    }
    this.placeSaved(base);
  }

  placeAlone(): void {
    for (const module of this.adapter.modules) {
      const transposed = module.embedding || this.adapter.config.fanInFanOut;
      this.deltas.set(`${module.module}.weight`, this.delta(module, transposed));
    }
    for (const { entry } of this.adapter.saved)
      this.leaveOut(entry, 'saved whole, so it needs a base to compare with');
  }

  private placeModule(module: AdapterModule, fit: ModuleFit): void {
    if (fit.kind === 'fits') {
      this.deltas.set(fit.target.name, this.delta(module, fit.transposed));
      return;
    }
    const product = `${String(module.b.span.shape[0])}x${String(module.a.span.shape[1])}`;
    const reason =
      fit.kind === 'missing'
        ? 'not in the base'
        : `B·A is ${product}, the base's ${fit.target.name} is ${shapeText(fit.target.span.shape)}`;
    this.unplaced.push({ tensor: module.a.name, reason }, { tensor: module.b.name, reason });
    const code = fit.kind === 'missing' ? 'adapter-module-not-in-base' : 'base-shape-mismatch';
    const message = fit.kind === 'missing' ? 'the base has no such module' : reason;
    this.findings.add(code, `${this.name}: ${module.module}: ${message}.`, module.module);
  }

  private placeSaved(base: Checkpoint): void {
    const byName = new Map(base.tensors.map((entry) => [entry.name, entry]));
    const change = bestNameChange(
      this.adapter.saved.map(({ tensor }) => tensor),
      (tensor) => byName.has(tensor),
    );
    for (const { tensor, entry } of this.adapter.saved) {
      const target = byName.get(changeName(tensor, change) ?? tensor);
      if (!target) this.leaveOut(entry, 'saved whole, and not in the base');
      else if (!sameShape(target.span.shape, entry.span.shape)) {
        const shapes = `${shapeText(entry.span.shape)} here and ${shapeText(target.span.shape)} in the base`;
        this.leaveOut(entry, `saved whole, ${shapes}`);
      } else if (!isFloating(entry) || !isFloating(target)) this.leaveOut(entry, 'not floating point');
      else this.deltas.set(target.name, { kind: 'dense', span: entry.span });
    }
  }

  private leaveOut(entry: TensorEntry, reason: string): void {
    this.unplaced.push({ tensor: entry.name, reason });
    this.reportUnplaced(entry.name, reason);
  }

  private reportUnplaced(tensor: string, reason: string): void {
    this.findings.add('adapter-tensor-unplaced', `${this.name}: ${tensor} is left out: ${reason}.`, tensor);
  }

  private delta(module: AdapterModule, transposed: boolean): TensorDelta {
    const { a, b, scale, alpha, storedRank: rank } = module;
    const load = () => loadFactors(module, transposed, this.read);
    return { kind: 'lowRank', scale, rank, alpha, a, b, transposed, load };
  }
}

/**
 * Reads both factors as float64. Where the base stores the weight transposed, (B·A)ᵀ = Aᵀ·Bᵀ: the factors are
 * transposed and change places. Fails as reading does.
 */
export async function loadFactors(
  { a, b, scale, storedRank: rank }: Pick<AdapterModule, 'a' | 'b' | 'scale' | 'storedRank'>,
  transposed: boolean,
  read: ReadSpan,
): Promise<Result<LowRankDelta>> {
  const bytesOfA = await read(a.span);
  if (!bytesOfA.ok) return bytesOfA;
  const bytesOfB = await read(b.span);
  if (!bytesOfB.ok) return bytesOfB;
  const valuesOfA = decodeInto(a.span.dtype, bytesOfA.value, sharedValues(a.span.count));
  const valuesOfB = decodeInto(b.span.dtype, bytesOfB.value, sharedValues(b.span.count));
  const outputs = b.span.shape[0] ?? 0;
  const inputs = a.span.shape[1] ?? 0;
  if (!transposed)
    return success({ scale, a: valuesOfA, b: valuesOfB, rows: outputs, columns: inputs, rank });
  return success({
    scale,
    b: transpose(valuesOfA, rank, inputs),
    a: transpose(valuesOfB, outputs, rank),
    rows: inputs,
    columns: outputs,
    rank,
  });
}

/** In memory that threads share: a pass over many targets hands their factors on without a copy. */
function sharedValues(count: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(count * Float64Array.BYTES_PER_ELEMENT));
}

/** rows × columns, row-major, to columns × rows. */
function transpose(values: Float64Array, rows: number, columns: number): Float64Array {
  const turned = new Float64Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      turned[column * rows + row] = values[row * columns + column] as number;
    }
  }
  return turned;
}
