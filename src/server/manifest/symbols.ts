import { SymbolKind, type DocumentSymbol, type Range } from 'vscode-languageserver/node';
import { placeOf, rowLabel } from '../../model/naming';
import type { ManifestOutline, SectionLines } from '../../model/manifest/read-manifest';

/** An outline of more tensors is no outline, and would take the editor seconds: it ends at modules, or layers. */
const MOST_TENSORS = 20_000;
const MOST_MODULES = 20_000;

/** The outline of a manifest: layer → module → tensor. */
export function symbolsOf(outline: ManifestOutline): DocumentSymbol[] {
  const layers = outline.sections.map((section) => ({ section, modules: modulesOf(outline, section) }));
  const modules = layers.reduce((sum, layer) => sum + layer.modules.length, 0);
  const tensors = outline.sections.reduce((sum, { first, last }) => sum + last + 1 - first, 0);
  return layers.map(({ section, modules: inLayer }) => ({
    name: rowLabel(section.title) || section.title || '""',
    detail: section.title,
    kind: SymbolKind.Namespace,
    range: lines(outline, section.line, section.last),
    selectionRange: lines(outline, section.line, section.line),
    children: modules > MOST_MODULES ? [] : inLayer.map((module) => moduleSymbol(outline, module, tensors)),
  }));
}

/** Tensors of one module that follow one another. */
interface ModuleLines {
  readonly module: string;
  readonly first: number;
  last: number;
}

function modulesOf(outline: ManifestOutline, { first, last }: SectionLines): readonly ModuleLines[] {
  const modules: ModuleLines[] = [];
  for (let line = first; line <= last; line++) {
    const tensor = outline.tensorAt(line);
    if (!tensor) continue;
    const { module } = placeOf(tensor.name);
    const current = modules.at(-1);
    if (current?.module === module) current.last = line;
    else modules.push({ module, first: line, last: line });
  }
  return modules;
}

function moduleSymbol(outline: ManifestOutline, { module, first, last }: ModuleLines, tensors: number) {
  const children: DocumentSymbol[] = [];
  for (let line = first; tensors <= MOST_TENSORS && line <= last; line++) {
    const tensor = outline.tensorAt(line);
    if (!tensor) continue;
    const [dtype = '', shape = ''] = tensor.text.slice(tensor.length).trim().split(/ +/, 2);
    const range = lines(outline, line, line);
    children.push({
      name: tensor.text.slice(0, tensor.length),
      detail: `${dtype} ${shape}`,
      kind: SymbolKind.Array,
      range,
      selectionRange: { start: range.start, end: { line, character: tensor.length } },
    });
  }
  return {
    name: module,
    kind: SymbolKind.Module,
    range: lines(outline, first, last),
    selectionRange: lines(outline, first, first),
    children,
  };
}

function lines(outline: ManifestOutline, first: number, last: number): Range {
  const end = { line: last, character: outline.lineText(last).length };
  return { start: { line: first, character: 0 }, end };
}
