import { dirname, resolve } from 'node:path';
import type { Checkpoint } from '../format/checkpoint';
import { openAdapter } from '../model/open-adapter';
import { runFolders } from '../model/training-run';
import type { Hover, HoverPlace } from './hover';
import { describeNetworkFile } from './hover-data';
import { bytesText, hoverOn, plain } from './hover-text';
import type { LintContext } from './rule';
import { DATA_KEYS, STUDY_KEYS } from './study-keys';
import { counted } from './wording';

/** Spaces before a key two levels deep, at one or two a level. */
const LEAST_OPTION_INDENT = 3;

/** Over a path: what it opens as; over a key: what it means. */
export async function hoverStudy(place: HoverPlace, context: LintContext): Promise<Hover | null> {
  const { line, character } = place;
  const [, indent = '', key = ''] = /^(\s*)(\w+)\s*:/.exec(line) ?? [];
  const end = indent.length + key.length;
  // A task or data set may be called like an option: options stand at least two levels deep.
  const known: Readonly<Record<string, string>> =
    indent === '' ? STUDY_KEYS : indent.length >= LEAST_OPTION_INDENT ? DATA_KEYS : {};
  if (character >= indent.length && character <= end && Object.hasOwn(known, key)) {
    return hoverOn(place, { start: indent.length, end }, [`**${plain(key)}**`, plain(known[key] ?? '')]);
  }
  for (const candidate of pathsAt(line, character)) {
    const path = resolve(dirname(place.path), candidate.text);
    if (key === 'run') {
      const { length } = await runFolders(path);
      if (length === 0) continue;
      const run = `Training run: ${counted(length, 'checkpoint')}`;
      return hoverOn(place, candidate, [`**${plain(candidate.text)}**`, run]);
    }
    const network = await describeNetworkFile(path);
    if (network?.ok) return hoverOn(place, candidate, [`**${plain(candidate.text)}**`, ...network.value]);
    const opened = await context.open(path);
    if (opened.ok) return hoverOn(place, candidate, await describe(candidate.text, opened.value));
    if (opened.problem.code !== 'file-missing') {
      return hoverOn(place, candidate, [`**${plain(candidate.text)}**`, plain(opened.problem.message)]);
    }
  }
  return null;
}

interface PathText {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** What the cursor may be on: a single word or quoted text, else all that follows the colon. */
function pathsAt(line: string, character: number): readonly PathText[] {
  const words = Array.from(line.matchAll(/"([^"]*)"|'([^']*)'|[^\s{}[\],"']+/g), (match) => ({
    text: match[1] ?? match[2] ?? match[0],
    start: match.index,
    end: match.index + match[0].length,
  }));
  const value = /:\s+(?=\S)/.exec(line);
  const start = value ? value.index + value[0].length : line.length;
  const text = line
    .slice(start)
    .replace(/\s+#.*$/, '')
    .trimEnd();
  return [...words, { text, start, end: start + text.length }].filter(
    (word) =>
      word.text !== '' && !word.text.endsWith(':') && character >= word.start && character <= word.end,
  );
}

async function describe(text: string, checkpoint: Checkpoint): Promise<readonly string[]> {
  const bytes = checkpoint.tensors.reduce((sum, { span }) => sum + span.bytes, 0);
  const parameters = checkpoint.tensors.reduce((sum, { span }) => sum + span.count, 0);
  const size = `${counted(checkpoint.tensors.length, 'tensor')} · ${counted(parameters, 'parameter')} · ${bytesText(bytes)}`;
  const adapter = await openAdapter(checkpoint);
  if (!adapter.ok || !adapter.value) {
    return [`**${plain(text)}**`, `Checkpoint (${plain(checkpoint.container)}): ${size}`];
  }
  const { kind, rank, scale, baseName } = adapter.value.summary;
  const of = baseName === null ? '' : ` of ${plain(baseName)}`;
  return [
    `**${plain(text)}**`,
    `${plain(kind)} adapter${of}: rank ${plain(rank)}, scale ${plain(scale)}`,
    size,
  ];
}
