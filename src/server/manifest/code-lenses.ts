import type { CodeLens } from 'vscode-languageserver/node';
import type { ManifestOutline, SectionLines } from '../../model/manifest/read-manifest';
import { uriOfPath } from '../file-uri';
import { spectrumTarget } from './spectrum-target';

/** Layers with a code lens of their own: real models have fewer. */
const MOST_LAYERS = 1000;
/** Matrices with a code lens of their own; with more, every second line would be one. Hovers have the same for any. */
const MOST_MATRICES = 16;

/**
 * Above the first line what can be done with the checkpoint; above layers with matrices, with the layer; above matrices, where there
 * are few, with each.
 */
export function codeLensesOf(outline: ManifestOutline, checkpoint: string): CodeLens[] {
  const uri = uriOfPath(checkpoint);
  const matrices = matricesOf(outline);
  const inLayers = outline.sections.filter((section) => isLayer(section) && hasMatrix(outline, section));
  const layers = matrices.length > MOST_MATRICES ? inLayers : [];
  return [
    codeLens(0, 'Show Spectrum', 'deltalens.showSpectrum', [uri]),
    codeLens(0, 'Compare with Base…', 'deltalens.compareWithBase', [uri]),
    codeLens(0, 'Compare Manifests…', 'deltalens.compareManifests', [uri]),
    codeLens(0, 'Inspect', 'deltalens.inspect', [uri]),
    ...layers.slice(0, MOST_LAYERS).map(({ line, title }) =>
      // An empty selection: what is clicked counts. The dot keeps layer 1 from meaning layer 10, too.
      codeLens(line, 'Show Spectrum', 'deltalens.showSpectrum', [uri, [], `${title}.`]),
    ),
    ...(matrices.length > MOST_MATRICES ? [] : matrices).map(({ line, target }) =>
      codeLens(line, 'Show Spectrum', 'deltalens.showSpectrum', [uri, [], target]),
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

/** The lines of matrices, of the factors of a module the first; one more than {@link MOST_MATRICES} stands for any number. */
function matricesOf(outline: ManifestOutline): readonly { readonly line: number; readonly target: string }[] {
  const found = new Map<string, number>();
  for (const { first, last } of outline.sections) {
    for (let line = first; line <= last && found.size <= MOST_MATRICES; line++) {
      const tensor = outline.tensorAt(line);
      const target = tensor && spectrumTarget(tensor);
      if (target !== null && !found.has(target)) found.set(target, line);
    }
  }
  return [...found].map(([target, line]) => ({ line, target }));
}

function hasMatrix(outline: ManifestOutline, { first, last }: SectionLines): boolean {
  for (let line = first; line <= last; line++) {
    const tensor = outline.tensorAt(line);
    if (tensor && spectrumTarget(tensor) !== null) return true;
  }
  return false;
}
