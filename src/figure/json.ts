import type { Artifact, LensResult } from '../protocol/artifact';
import { unpackNumbers } from '../protocol/numbers';

/** The result as `--json` prints it: every number in plain JSON, nothing packed; indented by two spaces. */
export function resultToJson(result: LensResult): string {
  return JSON.stringify({ ...result, artifacts: result.artifacts.map(unpackArtifact) }, null, 2);
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
