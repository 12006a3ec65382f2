import type { Artifact, LensResult } from '../protocol/artifact';
import { unpackNumbers } from '../protocol/numbers';

/** The result as `--json` prints it: every number in plain JSON, nothing packed; indented by two spaces. */
export function resultToJson(result: LensResult): string {
  return [...resultToJsonPieces(result)].join('');
}

/** {@link resultToJson} piece by piece: the table of a very large model would take several times its size at once. */
export function resultToJsonPieces(result: LensResult): Iterable<string> {
  return pieces({ ...result, artifacts: result.artifacts.map(unpackArtifact) }, '', 3);
}

/** Entries of an array that go into one piece. */
const ENTRIES = 2048;

/** What `JSON.stringify(value, null, 2)` gives, taken apart down to `depth` levels. */
function* pieces(value: object, indent: string, depth: number): Generator<string> {
  const inner = `${indent}  `;
  if (Array.isArray(value) && depth === 0) {
    for (let first = 0; first < value.length; first += ENTRIES) {
      const text = JSON.stringify(value.slice(first, first + ENTRIES), null, 2).slice(1, -2);
      yield `${first === 0 ? '[' : ','}${text.replaceAll('\n', `\n${indent}`)}`;
    }
    yield value.length === 0 ? '[]' : `\n${indent}]`;
    return;
  }
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  let before = open;
  for (const [key, entry] of Object.entries(value) as [string, unknown][]) {
    if (entry === undefined) continue;
    yield `${before ?? ''}\n${inner}${Array.isArray(value) ? '' : `${JSON.stringify(key)}: `}`;
    if (typeof entry === 'object' && entry !== null && (depth > 1 || Array.isArray(entry)))
      yield* pieces(entry, inner, depth - 1);
    else yield JSON.stringify(entry, null, 2).replaceAll('\n', `\n${inner}`);
    before = ',';
  }
  yield before === open ? `${open ?? ''}${close ?? ''}` : `\n${indent}${close ?? ''}`;
}

/** An artifact with its numbers as plain arrays. */
export function unpackArtifact(artifact: Artifact): Artifact {
  switch (artifact.kind) {
    case 'matrix':
      return { ...artifact, values: unpackNumbers(artifact.values) };
    case 'series': {
      const lines = artifact.lines.map((line) => ({ ...line, values: unpackNumbers(line.values) }));
      return { ...artifact, lines };
    }
    case 'scatter':
      return {
        ...artifact,
        x: { ...artifact.x, values: unpackNumbers(artifact.x.values) },
        y: { ...artifact.y, values: unpackNumbers(artifact.y.values) },
      };
    case 'table':
    case 'histogram':
    case 'tree':
    case 'graph':
    case 'note':
      return artifact;
  }
}
