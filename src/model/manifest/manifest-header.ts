import { createHash } from 'node:crypto';
import { basename, dirname, relative } from 'node:path';
import type { AdapterSummary, CheckpointView } from '../../protocol/checkpoint';
import { hubOriginText } from '../../protocol/hub-address';
import { escapedText, writtenName } from './written-name';

/** Begins the first line of every manifest; the language is recognised by it. */
export const MANIFEST_START = '# checkpoint manifest';
/** Characters of a metadata value; trainers store whole pictures and tag lists. */
const LONGEST_VALUE = 400;
/** Plain, since editors mark dashes that look like it. */
const NONE = '-';

/**
 * The lines above the tensors: what the checkpoint is as a whole, its files and its metadata. `forDiff` leaves out what
 * differs between any two checkpoints: name, fingerprint, files. The number of lines does not depend on whether
 * the base of an adapter, or the index that a shard belongs to, has been looked for.
 */
export function manifestHeader(view: CheckpointView, forDiff = false): readonly string[] {
  const { adapter, shardOf } = view;
  const shard = shardOf
    ? `, one of ${counted(shardOf.shards, 'shard')} of ${basename(shardOf.indexPath)}`
    : '';
  return [
    forDiff ? MANIFEST_START : `${MANIFEST_START}: ${escapedText(view.name)}`,
    line('kind', view.kind),
    line('container', `${view.container}${forDiff ? '' : shard}`),
    ...(view.origin && !forDiff ? [line('hub', hubOriginText(view.origin))] : []),
    line('architecture', view.architecture ?? NONE),
    ...(adapter ? adapterLines(adapter) : []),
    line('tensors', String(view.tensorCount)),
    line('parameters', String(view.parameters)),
    line('bytes', String(view.bytes)),
    ...view.dtypes.map(({ label, tensors, parameters }) =>
      line(`dtype ${label}`, `${counted(tensors, 'tensor')}, ${counted(parameters, 'parameter')}`),
    ),
    ...(forDiff ? [] : [line('fingerprint', view.fingerprint), ...fileLines(view)]),
    ...Object.entries(view.metadata)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => line(`metadata ${writtenName(key)}`, shortened(value))),
  ];
}

function adapterLines({ kind, layout, rank, alpha, scale, targets, baseName, basePath }: AdapterSummary) {
  return [
    line('adapter', layout === null ? kind : `${kind} (${layout})`),
    line('rank', rank || NONE),
    line('alpha', alpha || NONE),
    line('scale', scale || NONE),
    line('targets', shortened(targets.join(', ') || NONE)),
    line('base', basePath ?? baseName ?? NONE),
  ];
}

/** Files by the number that the lines of their tensors give, named from the folder that the checkpoint lies in. */
function fileLines({ path, files }: CheckpointView): readonly string[] {
  return files.map(({ path: file, bytes }, index) => {
    const name = writtenName(relative(dirname(path), file));
    return line(`file ${String(index + 1)}`, `${name} (${String(bytes)} bytes)`);
  });
}

function line(key: string, value: string): string {
  return `# ${escapedText(key)}: ${escapedText(value)}`;
}

/** A long value keeps a hash, so that two that begin alike still differ. */
function shortened(value: string): string {
  if (value.length <= LONGEST_VALUE) return value;
  const hash = createHash('sha256').update(value).digest('hex').slice(0, 12);
  return `${value.slice(0, LONGEST_VALUE)}… (${String(value.length)} characters, sha256 ${hash})`;
}

function counted(count: number, noun: string): string {
  return `${String(count)} ${noun}${count === 1 ? '' : 's'}`;
}
