import { FoldingRangeKind, type FoldingRange } from 'vscode-languageserver/node';
import type { ManifestOutline } from '../../model/manifest/read-manifest';

/** The header and every layer can be folded. */
export function foldingOf(outline: ManifestOutline): FoldingRange[] {
  const header = { startLine: 0, endLine: outline.headerLines - 2, kind: FoldingRangeKind.Comment };
  const layers = outline.sections
    .filter(({ line, last }) => last > line)
    .map(({ line, last }) => ({ startLine: line, endLine: last, kind: FoldingRangeKind.Region }));
  return header.endLine > 0 ? [header, ...layers] : layers;
}
