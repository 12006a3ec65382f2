import type { CodeLens } from 'vscode-languageserver/node';
import type { ManifestOutline, SectionLines } from '../../model/manifest/read-manifest';
import { uriOfPath } from '../file-uri';

/** Layers with a code lens of their own: real models have fewer. */
const MOST_LAYERS = 1000;

/** Above the first line what can be done with the checkpoint; above layers with matrices, with the layer. */
export function codeLensesOf(outline: ManifestOutline, checkpoint: string): CodeLens[] {
  const uri = uriOfPath(checkpoint);
  const layers = outline.sections.filter((section) => isLayer(section) && hasMatrix(outline, section));
  return [
    codeLens(0, '$(graph-line) Show Spectrum', 'deltalens.showSpectrum', [uri]),
    codeLens(0, '$(git-compare) Compare with Base…', 'deltalens.compareWithBase', [uri]),
    codeLens(0, '$(diff) Compare Manifests…', 'deltalens.compareManifests', [uri]),
    codeLens(0, '$(inspect) Inspect', 'deltalens.inspect', [uri]),
    ...layers.slice(0, MOST_LAYERS).map(({ line, title }) =>
      // An empty selection: what is clicked counts. The dot keeps layer 1 from meaning layer 10, too.
      codeLens(line, '$(graph-line) Show Spectrum', 'deltalens.showSpectrum', [uri, [], `${title}.`]),
    ),
  ];
}

function codeLens(line: number, title: string, command: string, given: readonly unknown[]): CodeLens {
  const place = { line, character: 0 };
  return { range: { start: place, end: place }, command: { title, command, arguments: [...given] } };
}

/** A comma would part the lens's filter. */
function isLayer({ title }: SectionLines): boolean {
  return /\d$/.test(title) && !title.includes(',') && !title.includes(' ');
}

function hasMatrix(outline: ManifestOutline, { first, last }: SectionLines): boolean {
  for (let line = first; line <= last; line++) {
    const tensor = outline.tensorAt(line);
    if (tensor && /^ +\S+ +\d+x\d/.test(tensor.text.slice(tensor.length))) return true;
  }
  return false;
}
