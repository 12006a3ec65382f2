import path from 'node:path';
import type { DocumentLink } from 'vscode-languageserver/node';
import type { ManifestOutline } from '../../model/manifest/read-manifest';
import { uriOfPath } from '../file-uri';

/** The files that the header names, as links to them. `checkpoint` is the path that the manifest is of. */
export function linksOf(outline: ManifestOutline, checkpoint: string): DocumentLink[] {
  return outline.files.map(({ line, start, end, name }) => ({
    range: { start: { line, character: start }, end: { line, character: end } },
    target: uriOfPath(path.resolve(path.dirname(checkpoint), name)),
  }));
}
