import type { Finding } from '../protocol/finding';
import { success, type Problem, type Result } from '../protocol/result';
import type { TensorEntry } from './checkpoint';
import type { JsonFault } from './json-cursor';
import { JsonReader } from './json-reader';
import { countOf, formatFinding, formatProblem, quoted, refuse, type FormatCode } from './problems';

/** Largest known indexes (500,000 tensors) are near 60 MB. */
export const MAXIMUM_INDEX = 256_000_000;

/** Largest known models have some hundreds. */
export const MAXIMUM_SHARDS = 10_000;

/** Of one kind of issue no more than this are listed; one more says how many there are. */
const MOST_ISSUES = 100;

/** What a `*.safetensors.index.json` says. */
export interface SafetensorsIndex {
  /** Tensor name → shard name, in the order of the text. */
  readonly weightMap: ReadonlyMap<string, string>;
  /** Distinct shard names, sorted, so that `-00001-of-` comes first. */
  readonly shards: readonly string[];
  /** `metadata.total_size`: bytes of all tensors, where it is given as a number. */
  readonly totalSize: number | null;
}

/** What was found under a shard's name. */
export type Shard =
  | { readonly state: 'read'; readonly tensors: readonly TensorEntry[] }
  | { readonly state: 'missing' }
  | { readonly state: 'outside'; readonly reason: string }
  | { readonly state: 'unreadable'; readonly problem: Problem };

/** Something that does not fit between an index and its shards. */
export interface IndexIssue {
  readonly code: FormatCode;
  /** A sentence without the path of the index. */
  readonly message: string;
  /**
   * The key in `weight_map` it is about; for a shard the first tensor that names it; `null` where no key is.
   */
  readonly tensor: string | null;
  readonly shard: string | null;
  /** Set where opening the model as one would give wrong values or leave a part out. */
  readonly refuses: boolean;
}

/**
 * Reads the text of an index. Fails with `json-*` (with the byte offset), `index-weight-map` (with the key),
 * `index-no-shards` or `index-too-many-shards`. Looks at no file.
 */
export function parseIndex(text: Uint8Array, path: string): Result<SafetensorsIndex> {
  const reader = new JsonReader(text);
  const draft: IndexDraft = { weightMap: null, shards: new Map(), totalSize: null, tensor: null };
  reader.object((key) => {
    if (key === 'weight_map') readWeightMap(reader, draft);
    else if (key === 'metadata' && reader.peek() === 'object') readTotalSize(reader, draft);
    else reader.skip();
  });
  reader.end();
  if (reader.fault) return { ok: false, problem: problemOf(reader.fault, draft.tensor, path) };
  const { weightMap, totalSize } = draft;
  if (!weightMap) return refuse('index-weight-map', path, `${path} has no "weight_map".`);
  if (draft.shards.size === 0)
    return refuse('index-no-shards', path, `${path} names no shard.`, 'weight_map');
  if (draft.shards.size > MAXIMUM_SHARDS) {
    const message = `${path} names ${countOf(draft.shards.size, 'shard')}; ${String(MAXIMUM_SHARDS)} are allowed.`;
    return refuse('index-too-many-shards', path, message, 'weight_map');
  }
  return success({ weightMap, shards: [...draft.shards.keys()].sort(), totalSize });
}

interface IndexDraft {
  weightMap: Map<string, string> | null;
  /** Every shard name once, so that half a million tensors share a hundred strings. */
  shards: Map<string, string>;
  totalSize: number | null;
  tensor: string | null;
}

function readWeightMap(reader: JsonReader, draft: IndexDraft): void {
  const weightMap = new Map<string, string>();
  draft.weightMap = weightMap;
  reader.object((tensor) => {
    draft.tensor = tensor;
    const name = reader.string();
    let shard = draft.shards.get(name);
    if (shard === undefined) {
      shard = name;
      draft.shards.set(name, name);
    }
    weightMap.set(tensor, shard);
    if (reader.fault === null) draft.tensor = null;
  }, weightMap);
}

function readTotalSize(reader: JsonReader, draft: IndexDraft): void {
  reader.object((key) => {
    if (key === 'total_size' && reader.peek() === 'number') draft.totalSize = reader.number();
    else reader.skip();
  });
}

function problemOf({ code, offset, message }: JsonFault, tensor: string | null, path: string): Problem {
  const where = tensor === null ? '' : `tensor ${quoted(tensor)}: `;
  const text = `${path}: ${where}${message} (byte ${String(offset)}).`;
  return formatProblem(
    code === 'json-type' ? 'index-weight-map' : code,
    path,
    text,
    tensor ?? `byte ${String(offset)}`,
  );
}

/**
 * Compares an index with what its shards hold, for opening it and for checking it while it is edited. Pure;
 * the order of issues is: shards, then tensors as the index lists them, then tensors it does not list, then
 * the size.
 */
export function checkIndex(
  index: SafetensorsIndex,
  shards: ReadonlyMap<string, Shard>,
): readonly IndexIssue[] {
  const issues = new IssueList();
  checkShards(index, shards, issues);
  if (fitsExactly(index, shards)) {
    checkTotalSize(index, shards, true, issues);
    return issues.all();
  }
  const holders = findHolders(shards);
  const complete = index.shards.every((shard) => shards.get(shard)?.state === 'read');
  for (const [tensor, shard] of index.weightMap) {
    const held = holders.get(tensor);
    if (shards.get(shard)?.state !== 'read' || (held !== undefined && holds(held, shard))) continue;
    if (held === undefined) {
      // It may lie in a shard that could not be read: then that shard is the news.
      if (complete) issues.add('tensor-in-no-shard', tensor, shard, `no shard has tensor ${quoted(tensor)}`);
    } else if (typeof held === 'string') {
      const message = `tensor ${quoted(tensor)} is not in ${quoted(shard)} but in ${quoted(held)}`;
      issues.add('tensor-in-other-shard', tensor, shard, message);
    }
  }
  for (const [tensor, held] of holders) checkHolders(index, tensor, held, issues);
  checkTotalSize(index, shards, complete, issues);
  return issues.all();
}

/** Whether every tensor is in the one shard that the index names for it, and no shard has another: the usual case. */
export function fitsExactly(
  { weightMap }: SafetensorsIndex,
  shards: Iterable<readonly [name: string, shard: Shard]>,
): boolean {
  let held = 0;
  for (const [name, shard] of shards) {
    if (shard.state !== 'read') return false;
    for (const { name: tensor } of shard.tensors) if (weightMap.get(tensor) !== name) return false;
    held += shard.tensors.length;
  }
  // No shard has a tensor twice, and none has one of another's: as many are all.
  return held === weightMap.size;
}

function checkShards(index: SafetensorsIndex, shards: ReadonlyMap<string, Shard>, issues: IssueList): void {
  const wrong = new Set(index.shards.filter((shard) => shards.get(shard)?.state !== 'read'));
  if (wrong.size === 0) return;
  for (const [tensor, name] of index.weightMap) {
    if (!wrong.delete(name)) continue;
    const shard = shards.get(name) ?? { state: 'missing' };
    if (shard.state === 'missing') {
      issues.add('shard-missing', tensor, name, `the shard ${quoted(name)} is not there`);
    } else if (shard.state === 'outside') {
      issues.add('shard-outside-folder', tensor, name, `the shard ${quoted(name)} ${shard.reason}`);
    } else if (shard.state === 'unreadable') {
      issues.add('shard-unreadable', tensor, name, `the shard ${quoted(name)}: ${shard.problem.message}`);
    }
  }
}

/** Tensor → the shard that has it, or all of them where there are more. */
function findHolders(shards: ReadonlyMap<string, Shard>): Map<string, string | string[]> {
  const holders = new Map<string, string | string[]>();
  for (const [name, shard] of shards) {
    if (shard.state !== 'read') continue;
    for (const { name: tensor } of shard.tensors) {
      const held = holders.get(tensor);
      if (held === undefined) holders.set(tensor, name);
      else if (typeof held === 'string') holders.set(tensor, [held, name]);
      else held.push(name);
    }
  }
  return holders;
}

function holds(held: string | readonly string[], shard: string): boolean {
  return typeof held === 'string' ? held === shard : held.includes(shard);
}

function checkHolders(
  index: SafetensorsIndex,
  tensor: string,
  held: string | readonly string[],
  issues: IssueList,
): void {
  const listed = index.weightMap.get(tensor);
  if (typeof held !== 'string') {
    const names = held.slice(0, 4).map(quoted).join(' and ');
    const certain = listed !== undefined && held.includes(listed);
    const message = `tensor ${quoted(tensor)} is in ${names}${certain ? '' : ', and the index names neither'}`;
    issues.add(
      certain ? 'tensor-in-two-shards' : 'tensor-ambiguous',
      listed === undefined ? null : tensor,
      listed ?? null,
      message,
    );
  } else if (listed === undefined) {
    issues.add(
      'tensor-not-in-index',
      null,
      held,
      `tensor ${quoted(tensor)} in ${quoted(held)} is not listed`,
    );
  }
}

function checkTotalSize(
  { totalSize }: SafetensorsIndex,
  shards: ReadonlyMap<string, Shard>,
  complete: boolean,
  issues: IssueList,
): void {
  if (totalSize === null || !complete) return;
  let bytes = 0;
  for (const shard of shards.values()) {
    if (shard.state === 'read') for (const { span } of shard.tensors) bytes += span.bytes;
  }
  if (bytes === totalSize) return;
  const message = `metadata.total_size is ${String(totalSize)}, the tensors take ${countOf(bytes, 'byte')}`;
  issues.add('index-total-size', null, null, message);
}

const REFUSED: ReadonlySet<FormatCode> = new Set([
  'shard-missing',
  'shard-outside-folder',
  'shard-unreadable',
  'tensor-ambiguous',
]);

/** Keeps the first issues of each code and counts the rest. */
class IssueList {
  private readonly byCode = new Map<FormatCode, { issues: IndexIssue[]; count: number }>();

  add(code: FormatCode, tensor: string | null, shard: string | null, message: string): void {
    let list = this.byCode.get(code);
    if (!list) this.byCode.set(code, (list = { issues: [], count: 0 }));
    if (++list.count <= MOST_ISSUES) {
      list.issues.push({ code, tensor, shard, message, refuses: REFUSED.has(code) });
    }
  }

  all(): readonly IndexIssue[] {
    return [...this.byCode].flatMap(([code, { issues, count }]) => {
      if (count <= MOST_ISSUES) return issues;
      const message = `${String(count - MOST_ISSUES)} more of the same kind (${code})`;
      return [...issues, { code, tensor: null, shard: null, message, refuses: REFUSED.has(code) }];
    });
  }
}

/** An issue as a finding on the index as a whole; whoever has the text adds the range. */
export function issueFinding(issue: IndexIssue, path: string): Finding {
  return formatFinding(
    issue.code,
    path,
    `${path}: ${issue.message}.`,
    issue.tensor ?? issue.shard ?? undefined,
  );
}

/**
 * The problem that makes opening fail: the first issue that refuses, with the number of others of its kind.
 */
export function issueProblem(issues: readonly IndexIssue[], path: string): Problem | null {
  const first = issues.find((issue) => issue.refuses);
  if (!first) return null;
  const others = issues.filter((issue) => issue.code === first.code).length - 1;
  const more = others > 0 ? ` So it is with ${String(others)} more.` : '';
  return formatProblem(
    first.code,
    path,
    `${path}: ${first.message}.${more}`,
    first.shard ?? first.tensor ?? undefined,
  );
}
