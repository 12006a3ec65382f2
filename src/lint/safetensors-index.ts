import {
  checkIndex,
  MAXIMUM_SHARDS,
  type IndexIssue,
  type SafetensorsIndex,
  type Shard,
} from '../format/safetensors-index';
import { INDEX_ENDING, readShards } from '../format/safetensors-sharded';
import { formatProblem } from '../format/problems';
import type { QuickFix, TextRange } from '../protocol/finding';
import { failure } from '../protocol/result';
import { isFindingCode, CODES } from './codes';
import { clipped, counted, FindingList, replacement } from './finding-list';
import { readIndexDocument, type Extent, type IndexDocument, type WeightEntry } from './index-document';
import type { LintContext, LintRule } from './rule';
import { TextLines } from './text-lines';

/** A quick fix does not write more lines than this. */
const MOST_ADDED = 1_000;

type Shards = ReadonlyMap<string, Shard>;

/** The index of a sharded model against the shards beside it. */
export const safetensorsIndexRule: LintRule = {
  id: 'safetensors-index',
  appliesTo: (path) => path.endsWith(INDEX_ENDING),
  async check(path, text, context) {
    const findings = new FindingList(path);
    if (text === null) return [];
    const document = await readIndexDocument(text, context.signal);
    if (!document) return [];
    const place = new IndexPlaces(path, text, document);
    checkText(document, place, findings);
    const index = document.complete ? indexOf(document) : null;
    if (!index || index.shards.length === 0) return findings.all();
    if (index.shards.length > MAXIMUM_SHARDS) {
      findings.add('index-too-many-shards', {
        range: place.weightMap,
        message: `The index names ${counted(index.shards.length, 'shard')}; ${counted(MAXIMUM_SHARDS, 'shard')} are opened at most.`,
        help: CODES['index-too-many-shards'].action,
      });
      return findings.all();
    }
    const shards = await readShards(path, index, (shard) => openShard(shard, context));
    if (context.signal.aborted) return findings.all();
    await new Promise((resolve) => setImmediate(resolve));
    addIssues(checkIndex(index, shards), shards, place, findings);
    return findings.all();
  },
};

/** Ranges and fixes in the text of one index; line starts are looked for when the first one is needed. */
class IndexPlaces {
  private lines: TextLines | null = null;

  constructor(
    readonly path: string,
    private readonly text: string,
    readonly document: IndexDocument,
  ) {}

  range({ start, end }: Extent): TextRange {
    this.lines ??= new TextLines(this.text);
    return this.lines.range(start, end);
  }

  /** The key `weight_map`, or where it should be. */
  get weightMap(): TextRange {
    return this.range(this.document.weightMapKey ?? { start: 0, end: 1 });
  }

  replace(title: string, extent: Extent, newText: string): QuickFix {
    return replacement(title, this.path, this.range(extent), newText);
  }
}

function checkText(document: IndexDocument, place: IndexPlaces, findings: FindingList): void {
  for (const problem of document.problems) {
    findings.add(problem.code, () => ({
      range: place.range(problem),
      message: problem.message,
      help: CODES[problem.code].action,
    }));
  }
  if (!document.complete) return;
  if (!document.weightMapKey && !document.problems.some(({ code }) => code === 'json-type')) {
    findings.add('index-weight-map', {
      range: place.weightMap,
      message: 'The index has no "weight_map".',
      help: CODES['index-weight-map'].action,
    });
  }
  if (document.weightMapKey && document.entries.length === 0) {
    findings.add('index-no-shards', {
      range: place.weightMap,
      message: '"weight_map" is empty: the index names no tensor and no shard.',
      help: CODES['index-no-shards'].action,
    });
  }
  for (const entry of document.entries) {
    if (entry.shard !== null) continue;
    findings.add('index-shard-name', () => ({
      range: place.range(entry.value),
      at: entry.tensor,
      message: `Tensor ${JSON.stringify(clipped(entry.tensor))} needs the name of a shard, in double quotes.`,
      help: CODES['index-shard-name'].action,
    }));
  }
  if (document.totalSize && document.totalSize.bytes === null) {
    findings.add('json-type', {
      range: place.range(document.totalSize),
      at: 'total_size',
      message: 'metadata.total_size is not a number.',
      help: 'Write the number of bytes of all tensors, or leave it out.',
    });
  }
}

function indexOf(document: IndexDocument): SafetensorsIndex {
  const weightMap = new Map<string, string>();
  for (const { tensor, shard } of document.entries) if (shard !== null) weightMap.set(tensor, shard);
  const shards = [...new Set(weightMap.values())].sort();
  return { weightMap, shards, totalSize: document.totalSize?.bytes ?? null };
}

async function openShard(path: string, context: LintContext) {
  const opened = await context.open(path);
  if (!opened.ok || opened.value.container === 'safetensors') return opened;
  const message = `${path} is ${opened.value.container}; a shard is one safetensors file.`;
  return failure(formatProblem('not-a-checkpoint', path, message));
}

function addIssues(
  issues: readonly IndexIssue[],
  shards: Shards,
  place: IndexPlaces,
  findings: FindingList,
): void {
  if (issues.length === 0) return;
  const entries = new Map<string, WeightEntry>();
  for (const entry of place.document.entries) entries.set(entry.tensor, entry);
  const holders = holdersOf(issues, shards);
  let offersListing = true;
  for (const issue of issues) {
    if (!isFindingCode(issue.code)) continue;
    const entry = issue.tensor === null ? undefined : entries.get(issue.tensor);
    const fix = fixFor(issue, entry, holders, shards, place, offersListing);
    if (issue.code === 'tensor-not-in-index') offersListing = false;
    findings.add(issue.code, () => ({
      range: rangeOf(issue, entry, place),
      ...(issue.tensor === null && issue.shard === null ? {} : { at: issue.tensor ?? issue.shard ?? '' }),
      message: sentence(issue.message),
      help: helpFor(issue),
      ...(fix ? { fixes: [fix] } : {}),
    }));
  }
}

function rangeOf(issue: IndexIssue, entry: WeightEntry | undefined, place: IndexPlaces): TextRange {
  if (entry) return place.range(issue.code === 'tensor-in-no-shard' ? entry.key : entry.value);
  const { totalSize } = place.document;
  return issue.code === 'index-total-size' && totalSize ? place.range(totalSize) : place.weightMap;
}

/** With a capital, except where it begins with a key of the index. */
function sentence(text: string): string {
  return `${text.startsWith('metadata.') ? text : text.charAt(0).toUpperCase() + text.slice(1)}.`;
}

function helpFor(issue: IndexIssue): string {
  return isFindingCode(issue.code) ? CODES[issue.code].action : '';
}

function fixFor(
  issue: IndexIssue,
  entry: WeightEntry | undefined,
  holders: ReadonlyMap<string, string>,
  shards: Shards,
  place: IndexPlaces,
  offersListing: boolean,
): QuickFix | null {
  const { document } = place;
  if (issue.code === 'tensor-in-other-shard' && entry) {
    const holder = holders.get(entry.tensor);
    if (holder === undefined) return null;
    return place.replace(`Change to ${clipped(holder)}`, entry.value, JSON.stringify(holder));
  }
  if (issue.code === 'index-total-size' && document.totalSize) {
    const bytes = String(tensorBytes(shards));
    return place.replace(`Set total_size to ${bytes}`, document.totalSize, bytes);
  }
  return issue.code === 'tensor-not-in-index' && offersListing ? listingFix(shards, place) : null;
}

/** Writes all tensors that exactly one shard has and the index does not list to the top of the weight map. */
function listingFix(shards: Shards, place: IndexPlaces): QuickFix | null {
  const { document } = place;
  const listed = new Set(document.entries.map(({ tensor }) => tensor));
  const unlisted = new Map<string, string>();
  for (const [shard, content] of shards) {
    if (content.state !== 'read') continue;
    for (const { name } of content.tensors) {
      if (!listed.has(name)) unlisted.set(name, shard);
      listed.add(name);
    }
  }
  if (unlisted.size > MOST_ADDED) return null;
  const lines = [...unlisted].map(
    ([tensor, shard]) => `\n    ${JSON.stringify(tensor)}: ${JSON.stringify(shard)}`,
  );
  const at = { start: document.weightMapStart, end: document.weightMapStart };
  const comma = document.entries.length > 0 ? ',' : '\n  ';
  return place.replace(`List ${counted(unlisted.size, 'tensor')} in the index`, at, lines.join(',') + comma);
}

/** For the tensors that issues are about: the shard that really has them. */
function holdersOf(issues: readonly IndexIssue[], shards: Shards): ReadonlyMap<string, string> {
  const wanted = new Set<string>();
  for (const { code, tensor } of issues) {
    if (code === 'tensor-in-other-shard' && tensor !== null) wanted.add(tensor);
  }
  const holders = new Map<string, string>();
  if (wanted.size === 0) return holders;
  for (const [shard, content] of shards) {
    if (content.state !== 'read') continue;
    for (const { name } of content.tensors) if (wanted.has(name)) holders.set(name, shard);
  }
  return holders;
}

function tensorBytes(shards: Shards): number {
  let bytes = 0;
  for (const shard of shards.values()) {
    if (shard.state === 'read') for (const { span } of shard.tensors) bytes += span.bytes;
  }
  return bytes;
}
