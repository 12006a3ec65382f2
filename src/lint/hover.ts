import { basename } from 'node:path';
import { INDEX_ENDING } from '../format/safetensors-sharded';
import type { TextRange } from '../protocol/finding';
import { hoverAdapter } from './hover-adapter';
import { hoverIndex } from './hover-index';
import { hoverStudy } from './hover-study';
import type { LintContext } from './rule';

/** What stands under the cursor, in Markdown; all text from files is escaped. */
export interface Hover {
  readonly markdown: string;
  readonly range: TextRange;
}

/** A line of a document and the place in it that is asked about. */
export interface HoverPlace {
  /** Absolute path of the document. */
  readonly path: string;
  readonly line: string;
  readonly lineNumber: number;
  /** UTF-16 column. */
  readonly character: number;
}

/** A longer line was written by a machine for a machine, and looking for its quotes could take time. */
const LONGEST_LINE = 10_000;

/**
 * Explains one place of a document: a key of an adapter configuration, a tensor or shard of an index, a path of a
 * study. Opens directories through `context.open` only, which caches them; never reads values. `null` where there is
 * nothing to say.
 */
export async function hover(
  path: string,
  line: string,
  lineNumber: number,
  character: number,
  context: LintContext,
): Promise<Hover | null> {
  if (line.length > LONGEST_LINE) return null;
  const place = { path, line, lineNumber, character };
  if (basename(path) === 'adapter_config.json') return hoverAdapter(place, context);
  if (path.endsWith(INDEX_ENDING)) return hoverIndex(place, context);
  return /\.study\.ya?ml$/.test(path) ? hoverStudy(place, context) : null;
}
