import { checkIndex, MAXIMUM_SHARDS, type IndexIssue, type Shard } from '../format/safetensors-index';
import { INDEX_ENDING, readShards } from '../format/safetensors-sharded';
import { formatProblem } from '../format/problems';
import type { QuickFix, TextRange } from '../protocol/finding';
import { failure } from '../protocol/result';
import { isFindingCode, CODES } from './codes';
import { FindingList, replacement } from './finding-list';
import { readIndexDocument, type Extent, type IndexDocument, type WeightEntry } from './index-document';
import { compareNames } from './index-names';
import type { LintContext, LintRule } from './rule';
import { TextLines } from './text-lines';
import { clipped, counted } from './wording';

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
    const names = document.complete ? shardNames(document) : [];
    if (names.length > MAXIMUM_SHARDS) addTooMany(names.length, place, findings);
    if (names.length === 0 || names.length > MAXIMUM_SHARDS) return findings.all();
    const index = { weightMap: new Map<string, string>(), shards: names, totalSize: null };
    const shards = await readShards(path, index, (shard) => openShard(shard, context));
    const odd = await compareNames(document, names, shards, context.signal);
    if (!odd || context.signal.aborted) return findings.all();
    addIssues(checkIndex(odd.index, odd.shards), odd.shards, place, findings);
    checkTotalSize(shards, place, findings);
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
      range: place.range(valueOf(entry)),
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

function shardNames(document: IndexDocument): readonly string[] {
  const names = new Set<string>();
  for (const { shard } of document.entries) if (shard !== null) names.add(shard);
  return [...names].sort();
}

function addTooMany(count: number, place: IndexPlaces, findings: FindingList): void {
  findings.add('index-too-many-shards', {
    range: place.weightMap,
    message: `The index names ${counted(count, 'shard')}; ${counted(MAXIMUM_SHARDS, 'shard')} are opened at most.`,
    help: CODES['index-too-many-shards'].action,
  });
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
  const { entries, byTensor } = place.document;
  let offersListing = true;
  for (const issue of issues) {
    if (!isFindingCode(issue.code)) continue;
    const entry = issue.tensor === null ? undefined : entries[byTensor.get(issue.tensor) ?? -1];
    const fix =
      issue.code === 'tensor-in-other-shard' && entry
        ? moveFix(entry, shards, place)
        : issue.code === 'tensor-not-in-index' && offersListing
          ? listingFix(shards, place)
          : null;
    if (issue.code === 'tensor-not-in-index') offersListing = false;
    findings.add(issue.code, {
      range: rangeOf(issue, entry, place),
      ...(issue.tensor === null && issue.shard === null ? {} : { at: issue.tensor ?? issue.shard ?? '' }),
      message: `${issue.message.charAt(0).toUpperCase()}${issue.message.slice(1)}.`,
      help: CODES[issue.code].action,
      ...(fix ? { fixes: [fix] } : {}),
    });
  }
}

function rangeOf(issue: IndexIssue, entry: WeightEntry | undefined, place: IndexPlaces): TextRange {
  if (!entry) return place.weightMap;
  return place.range(issue.code === 'tensor-in-no-shard' ? keyOf(entry) : valueOf(entry));
}

function keyOf({ keyStart, keyEnd }: WeightEntry): Extent {
  return { start: keyStart, end: keyEnd };
}

function valueOf({ valueStart, valueEnd }: WeightEntry): Extent {
  return { start: valueStart, end: valueEnd };
}

function moveFix(entry: WeightEntry, shards: Shards, place: IndexPlaces): QuickFix | null {
  for (const [shard, content] of shards) {
    const holds = content.state === 'read' && content.tensors.some(({ name }) => name === entry.tensor);
    if (holds) return place.replace(`Change to ${clipped(shard)}`, valueOf(entry), JSON.stringify(shard));
  }
  return null;
}

/** Writes all tensors that exactly one shard has and the index does not list to the top of the weight map. */
function listingFix(shards: Shards, place: IndexPlaces): QuickFix | null {
  const { document } = place;
  const unlisted = new Map<string, string>();
  for (const [shard, content] of shards) {
    if (content.state !== 'read') continue;
    for (const { name } of content.tensors) {
      if (!document.byTensor.has(name) && !unlisted.has(name)) unlisted.set(name, shard);
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

function checkTotalSize(shards: Shards, place: IndexPlaces, findings: FindingList): void {
  const { totalSize } = place.document;
  if (!totalSize || totalSize.bytes === null) return;
  let bytes = 0;
  for (const shard of shards.values()) {
    if (shard.state !== 'read') return;
    for (const { span } of shard.tensors) bytes += span.bytes;
  }
  if (bytes === totalSize.bytes) return;
  findings.add('index-total-size', {
    range: place.range(totalSize),
    at: 'total_size',
    message: `metadata.total_size is ${totalSize.bytes}, the tensors take ${bytes} bytes.`,
    help: CODES['index-total-size'].action,
    fixes: [place.replace(`Set total_size to ${bytes}`, totalSize, String(bytes))],
  });
}
