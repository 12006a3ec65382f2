import { createHash } from 'node:crypto';
import type { Finding } from '../../protocol/finding';
import type { Checkpoint, TensorEntry } from '../checkpoint';
import { countOf, formatFinding, quoted } from '../problems';
import { readSpan } from '../read';
import { awq } from './awq';
import { awqGemv } from './awq-gemv';
import { bitsandbytes4, bitsandbytes8 } from './bitsandbytes';
import { compressedTensors } from './compressed-tensors';
import { gptq } from './gptq';
import type { Found, PackedContext, PackedLayout, PackedWeight } from './layout';
import { mlx } from './mlx';
import { mxBlocks } from './mx-blocks';
import { readQuantizationConfig } from './quantization-config';
import { scaledWeights } from './scaled-weights';

/** Every layout, in the order in which they are asked whether a tensor is theirs. */
export const PACKED_LAYOUTS: readonly PackedLayout[] = [
  bitsandbytes4,
  bitsandbytes8,
  awqGemv,
  gptq,
  awq,
  compressedTensors,
  mxBlocks,
  mlx,
  scaledWeights,
];

const ENDINGS = [...new Set(PACKED_LAYOUTS.flatMap(({ endings }) => endings))];
/** Most checkpoints have no such name, and are passed over by one look at each. */
const ANY_ENDING = new RegExp(`(?:${ENDINGS.map((ending) => ending.replaceAll('.', '\\.')).join('|')})$`);

/**
 * The checkpoint with quantised weights under the names that they have in the model, as float32, with `parts` that say what
 * they are stored as; and a finding for each layout. Reads values of nothing but descriptions. Weights whose parts do not fit stay
 * as they are stored, with a finding that says why.
 */
export async function withPackedWeights(checkpoint: Checkpoint): Promise<Checkpoint> {
  const starts = checkpoint.tensors.filter(({ name }) => ANY_ENDING.test(name));
  if (starts.length === 0) return checkpoint;
  const config = await readQuantizationConfig(checkpoint);
  const tensors = new Map(checkpoint.tensors.map((entry) => [entry.name, entry]));
  const draft = new PackedDraft({ tensors, config, read: readSpan });
  for (const { name } of starts) await draft.take(name);
  if (draft.weights.size === 0 && draft.refused.length === 0) return checkpoint;
  const fingerprint = createHash('sha256')
    .update(`${checkpoint.fingerprint}\n${config.text}`)
    .digest('hex')
    .slice(0, 32);
  return {
    ...checkpoint,
    tensors: checkpoint.tensors.flatMap((entry) => draft.entryFor(entry)),
    fingerprint,
    findings: [...checkpoint.findings, ...findingsOf(draft, checkpoint.path)],
  };
}

/** The same checkpoint with its tensors as they are stored: what a copy is made of. */
export function asStored(checkpoint: Checkpoint): Checkpoint {
  return { ...checkpoint, tensors: checkpoint.tensors.flatMap((entry) => entry.parts ?? entry) };
}

class PackedDraft {
  /** By the tensor that holds the codes. */
  readonly weights = new Map<string, { readonly layout: PackedLayout; readonly weight: PackedWeight }>();
  readonly refused: { readonly layout: PackedLayout; readonly name: string; readonly reason: string }[] = [];
  private readonly used = new Set<string>();

  constructor(private readonly context: PackedContext) {}

  /** Asks the layouts in turn about the tensor that may begin a weight. */
  async take(start: string): Promise<void> {
    if (this.used.has(start)) return;
    for (const layout of PACKED_LAYOUTS) {
      const ending = layout.endings.find((each) => start.endsWith(each));
      if (ending === undefined) continue;
      const found = await layout.describe(start.slice(0, -ending.length), ending, this.context);
      if (found === null) continue;
      this.add(layout, found);
      return;
    }
  }

  private add(layout: PackedLayout, found: Exclude<Found, null>): void {
    if ('reason' in found) {
      this.refused.push({ layout, ...found });
      return;
    }
    const [codes] = found.parts;
    const names = found.parts.map(({ name }) => name);
    const other = this.context.tensors.has(found.name) && !names.includes(found.name);
    if (!codes || other || names.some((name) => this.used.has(name))) {
      const reason = other ? 'a tensor of its name is there, too' : 'another weight has some of its tensors';
      this.refused.push({ layout, name: found.name, reason });
      return;
    }
    for (const name of names) this.used.add(name);
    this.weights.set(codes.name, { layout, weight: found });
  }

  /** What stands in the place of a tensor: itself, the weight whose codes it holds, or nothing where it is another part. */
  entryFor(entry: TensorEntry): TensorEntry[] {
    const packed = this.weights.get(entry.name)?.weight;
    if (packed) return [{ name: packed.name, span: packed.span, parts: packed.parts }];
    return this.used.has(entry.name) ? [] : [entry];
  }
}

function findingsOf({ weights, refused }: PackedDraft, path: string): Finding[] {
  return PACKED_LAYOUTS.flatMap((layout) => {
    const own = [...weights.values()].filter((each) => each.layout === layout);
    const not = refused.filter((each) => each.layout === layout);
    const findings: Finding[] = [];
    const [first] = own;
    if (first) {
      const label = first.weight.span.stored?.label ?? '';
      const parts = first.weight.parts.map(({ name }) => quoted(name)).join(', ');
      const are = own.length === 1 ? 'is' : 'are';
      const what = `${countOf(own.length, 'weight')} ${are} stored as ${layout.title} (${label}) and shown dequantised`;
      const message = `${path}: ${what}; ${quoted(first.weight.name)}, for example, is stored as ${parts}.`;
      findings.push(formatFinding('weights-packed', path, message, first.weight.name));
    }
    const [refusal] = not;
    if (refusal) {
      const what = `${countOf(not.length, 'weight')} of ${layout.title} stay as stored`;
      const message = `${path}: ${what}; of ${quoted(refusal.name)} ${refusal.reason}.`;
      findings.push(formatFinding('weights-packed-unread', path, message, refusal.name));
    }
    return findings;
  });
}
