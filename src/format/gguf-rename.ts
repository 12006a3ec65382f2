import type { Finding } from '../protocol/finding';
import type { TensorEntry } from './checkpoint';
import { namingOf } from './gguf-architectures/registry';
import { changesOfBias, isOfRows, undone } from './gguf-changes';
import { headCounts, type HeadCounts } from './gguf-heads';
import { merged } from './gguf-merges';
import { hubName, partsOfName, type GgufNaming, type HubName } from './gguf-naming';
import { withGateAndUp } from './gguf-scales';
import { MOST_GROUPS, partOf } from './gguf-spans';
import type { GgufValue } from './gguf-values';
import { countOf, formatFinding, quoted } from './problems';

type Metadata = ReadonlyMap<string, GgufValue>;

interface Renamed {
  readonly tensors: readonly TensorEntry[];
  readonly findings: readonly Finding[];
}

/**
 * Tensors under the names that they have in the Hugging Face checkpoint, with what conversion did to their values undone and
 * experts one by one, so that both can be compared. What is not known for sure keeps its name. Says so in findings.
 */
export function renameTensors(path: string, tensors: readonly TensorEntry[], metadata: Metadata): Renamed {
  const architecture = metadata.get('general.architecture');
  if (typeof architecture !== 'string') return { tensors, findings: [] };
  const names = tensors.map(({ name }) => name);
  const naming = namingOf(architecture, names);
  if (naming === undefined) return { tensors, findings: unknownFindings(path, architecture, names) };
  const draft = new Renaming(withGateAndUp(tensors), naming, headCounts(metadata, architecture));
  draft.merge();
  draft.rename();
  return { tensors: draft.tensors(), findings: draft.findings(path, architecture) };
}

class Renaming {
  /** What stands in the place of a tensor, by its name; nothing of parts of another. */
  private readonly become = new Map<string, readonly TensorEntry[]>();
  private readonly inPairs: string[] = [];
  private readonly byName: ReadonlyMap<string, TensorEntry>;

  constructor(
    private readonly own: readonly TensorEntry[],
    private readonly naming: GgufNaming,
    private readonly heads: HeadCounts,
  ) {
    this.byName = new Map(own.map((entry) => [entry.name, entry]));
  }

  /** Puts tensors together again that conversion took apart. */
  merge(): void {
    if (this.naming.merges.length === 0) return;
    const places = new Set(
      this.own.flatMap(({ name }) => {
        const parts = partsOfName(name);
        return parts === null || parts.section === '' ? [] : `${parts.section}.${parts.layer}`;
      }),
    );
    for (const place of places) for (const each of this.naming.merges) this.mergeIn(place, each);
  }

  private mergeIn(place: string, merge: GgufNaming['merges'][number]): void {
    const entries = merge.parts.map(([part]) => this.byName.get(`${place}.${part}`));
    const found = entries.filter((entry) => entry !== undefined);
    const [first] = found;
    if (first === undefined || found.length < entries.length || this.become.has(first.name)) return;
    const span = merged(
      merge,
      found.map((entry) => entry.span),
      this.heads,
    );
    if (span === 'heads unknown') this.inPairs.push(first.name);
    if (span === null || span === 'heads unknown') return;
    const [section = '', layer = ''] = [place.slice(0, place.lastIndexOf('.')), place.split('.').at(-1)];
    const name = `${this.naming.layers[section] ?? ''}.${layer}.${merge.name}`;
    for (const part of found) this.become.set(part.name, []);
    this.become.set(first.name, [{ name, span }]);
  }

  rename(): void {
    for (const tensor of this.own) {
      if (this.become.has(tensor.name)) continue;
      const known = hubName(tensor.name, this.naming);
      if (known === null || this.byName.has(known.name)) continue;
      const become = converted(tensor, known, this.heads);
      if (become === 'heads unknown') this.inPairs.push(tensor.name);
      else if (become !== null) this.become.set(tensor.name, become);
    }
  }

  tensors(): readonly TensorEntry[] {
    return this.own.flatMap((entry) => this.become.get(entry.name) ?? entry);
  }

  findings(path: string, architecture: string): readonly Finding[] {
    const findings: Finding[] = [];
    const count = this.become.size;
    if (count > 0) {
      const kept = this.own.length - count;
      const rest = kept > 0 ? ` ${String(kept)} keep the names of the file.` : '';
      const [name = '', become] = [...this.become].find(([, entries]) => entries.length > 0) ?? [];
      const example = `${quoted(name)} as ${quoted(become?.[0]?.name ?? '')}`;
      const message = `${path}: ${countOf(count, 'tensor')} of the architecture ${architecture} go by Hugging Face names, for example ${example}.${rest}`;
      findings.push(formatFinding('gguf-names', path, message));
    }
    const [first] = this.inPairs;
    if (first !== undefined) {
      const more = this.inPairs.length - 1;
      const have = more > 0 ? ` and ${String(more)} more have` : ' has';
      const message = `${path}: ${quoted(first)}${have} rows in pairs, and the number of heads (${architecture}.attention.head_count) is not in the file.`;
      findings.push(formatFinding('gguf-head-order', path, message, first));
    }
    return findings;
  }
}

/** The tensors that one becomes; `null` where it does not have the shape that its name promises. */
function converted(
  tensor: TensorEntry,
  known: HubName,
  heads: HeadCounts,
): readonly TensorEntry[] | 'heads unknown' | null {
  if (known.stacked) return experts(tensor, known.name);
  const isVector = tensor.name.endsWith('.bias');
  const changes = isVector ? changesOfBias(known.changes) : known.changes;
  if (known.factor !== null && !changes.every(isOfRows)) return null;
  let { span } = tensor;
  for (const change of changes) {
    const before = undone(known.factor === 'a' ? tensor.span : span, change, heads);
    if (before === null || before === 'heads unknown') {
      // A factor A has no rows of heads, but goes by the name that its factor B can have.
      if (known.factor === 'a' && heads.queries !== null && heads.keys !== null) continue;
      return before;
    }
    if (known.factor !== 'a') span = before;
  }
  return [{ name: known.name, span }];
}

/** The matrices of a stack, the first dimension counting experts. */
function experts({ span }: TensorEntry, name: string): readonly TensorEntry[] | null {
  const [number = 0, ...shape] = span.shape;
  if (shape.length < 1 || shape.length > 2 || number < 1 || number > MOST_GROUPS) return null;
  const entries: TensorEntry[] = [];
  for (let index = 0; index < number; index++) {
    const part = partOf(span, index, number, shape);
    if (part === null) return null;
    entries.push({ name: name.replace('#', String(index)), span: part });
  }
  return entries;
}

/** Says that an architecture is not known, of files that hold layers of one. */
function unknownFindings(path: string, architecture: string, names: readonly string[]): readonly Finding[] {
  const [layer] = names.filter((name) => /^(?:[a-z]+\.)?blk\.\d+\./.test(name));
  if (layer === undefined) return [];
  const message = `${path}: how tensors of the architecture ${architecture} are called in Hugging Face checkpoints is not known; ${quoted(layer)}, for example, keeps its name.`;
  return [formatFinding('gguf-architecture', path, message, layer)];
}
