import assert from 'node:assert/strict';
import test from 'node:test';
import type { Connection, DocumentSymbol, TextDocuments } from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { cancelled } from '../../src/protocol/result';
import type { Compute } from '../../src/server/compute-processes';
import { ManifestFeatures } from '../../src/server/manifest/manifest-features';
import { manifestText } from '../../src/model/manifest/manifest-text';
import { ManifestOutline } from '../../src/model/manifest/read-manifest';
import { codeLensesOf } from '../../src/server/manifest/code-lenses';
import { foldingOf } from '../../src/server/manifest/folding';
import { linksOf } from '../../src/server/manifest/links';
import { manifestDiagnostics } from '../../src/server/manifest/manifest-findings';
import { manifestOf, manifestUriOf } from '../../src/server/manifest/manifest-uri';
import { symbolsOf } from '../../src/server/manifest/symbols';
import { histogramText, tensorCard } from '../../src/server/manifest/tensor-card';
import { transformerRows, viewOf, type TensorRow } from '../model/manifest/view';

const text = manifestText(viewOf(transformerRows(11)));
const lines = text.split('\n');
const outline = new ManifestOutline(text);

test('the header and every layer fold, from the title to the last tensor', () => {
  const [header, ...layers] = foldingOf(outline);
  assert.deepEqual([header?.startLine, lines[(header?.endLine ?? 0) + 1]], [0, '']);
  assert.equal(layers.length, 13);
  for (const { startLine, endLine } of layers) {
    assert.match(lines[startLine] ?? '', /^\[/);
    assert.equal(lines[endLine + 1], '');
  }
});

test('the outline goes from layers to modules to tensors and leaves none out', () => {
  const symbols = symbolsOf(outline);
  assert.deepEqual(
    symbols.map(({ name }) => name),
    ['input', ...Array.from({ length: 11 }, (_, layer) => `layer ${String(layer)}`), 'output'],
  );
  const layer = symbols[3];
  assert.deepEqual(
    layer?.children?.map(({ name }) => name),
    ['attention.query', 'mlp.down'],
  );
  const leaves = (all: readonly DocumentSymbol[]): DocumentSymbol[] =>
    all.flatMap((symbol) => (symbol.children ? leaves(symbol.children) : [symbol]));
  const names = leaves(symbols).map(({ name, selectionRange: { start, end } }) => {
    assert.equal(lines[start.line]?.slice(start.character, end.character), name);
    return name;
  });
  assert.deepEqual(
    names.sort(),
    transformerRows(11)
      .map(([name]) => name)
      .sort(),
  );
});

test('an outline of very many tensors ends at the modules', () => {
  const many = new ManifestOutline(manifestText(viewOf(transformerRows(7000))));
  const [, layer] = symbolsOf(many);
  assert.equal(layer?.children?.length, 2);
  assert.deepEqual(
    layer?.children?.flatMap(({ children }) => children),
    [],
  );
});

test('layers with matrices can show their spectrum, and layer 1 does not mean layer 10', () => {
  const lenses = codeLensesOf(outline, '/models/base/model.safetensors');
  const ofLayers = lenses.filter(({ range }) => range.start.line > 0);
  assert.equal(ofLayers.length, 11);
  assert.deepEqual(ofLayers[1]?.command?.arguments, [
    'file:///models/base/model.safetensors',
    [],
    'model.layers.1.',
  ]);
  assert.equal(lines[ofLayers[1]?.range.start.line ?? 0], '[model.layers.1]');
  assert.ok(
    lenses.some(
      ({ range, command }) => range.start.line === 0 && command?.command === 'deltalens.compareWithBase',
    ),
  );
});

test('few matrices have a lens each, the factors of a module one together, and vectors none', () => {
  const factors = ['A', 'B'].map((side): TensorRow => [
    `base_model.model.layers.0.q_proj.lora_${side}.weight`,
    'F32',
    [2, 4],
  ]);
  const view = viewOf([...factors, ['layers.0.norm.weight', 'F32', [8]], ['odd, name', 'F32', [2, 2]]]);
  const few = new ManifestOutline(manifestText(view));
  const own = codeLensesOf(few, view.path).filter(({ range }) => range.start.line > 0);
  assert.deepEqual(
    own.map(({ command }) => command?.arguments?.[2] as unknown),
    ['layers.0.q_proj'],
  );
});

test('files of the header are links', () => {
  const files = ['a', 'b'].map((name) => ({ path: `/models/base/${name}.safetensors`, bytes: 1 }));
  const view = viewOf(transformerRows(1), { path: '/models/base/model.safetensors.index.json', files });
  assert.deepEqual(
    linksOf(new ManifestOutline(manifestText(view)), view.path).map(({ target }) => target),
    ['file:///models/base/a.safetensors', 'file:///models/base/b.safetensors'],
  );
});

test('a finding stands on the line of its tensor, one of the whole on the first line', () => {
  const finding = { severity: 'warning', path: '/models/base/model.safetensors', help: 'Do that.' } as const;
  const [first, second] = manifestDiagnostics(outline, [
    { ...finding, code: 'tensor-nan', at: 'lm_head.weight', message: 'NaN.' },
    { ...finding, code: 'file-odd', at: 'nowhere', message: 'Odd.' },
  ]);
  assert.equal(lines[first?.range.start.line ?? 0]?.slice(0, first?.range.end.character), 'lm_head.weight');
  assert.deepEqual([first?.code, first?.message], ['tensor-nan', 'NaN.\nDo that.']);
  assert.equal(second?.range.start.line, 0);
});

test('a path survives the way into a URI of a manifest and back, as editors write it too', () => {
  for (const path of ['/a/b c/mödel#1?.safetensors', '/a/100%.pt']) {
    assert.deepEqual(manifestOf(manifestUriOf(path)), { path, isSide: false });
  }
  const side = 'deltalens-manifest:/a/model.safetensors.manifest?against%3D%252Fb';
  assert.deepEqual(manifestOf(side), { path: '/a/model.safetensors', isSide: true });
  for (const other of ['file:///a.manifest', 'deltalens-manifest:/a.pt', 'untitled:x']) {
    assert.equal(manifestOf(other), null);
  }
});

test('a histogram shows every bin that is not empty, the fullest at full height', () => {
  const edges = [-1, 0, 1, 2, 3];
  const [fence, bars, axis] = histogramText({ edges, counts: [0, 1, 50, 100] })[0]?.split('\n') ?? [];
  assert.deepEqual([fence, bars], ['```text', ' ▁▄█']);
  assert.match(axis ?? '', /^-1\s*3$/);
  assert.deepEqual(histogramText(null), []);
});

test('a card of a tensor says what is not known, and lets no name act as Markdown', () => {
  const facts = ['F32', '2x3', '6', '24'];
  assert.match(tensorCard('a', facts, 'late'), /checkpoint editor/);
  const problem = { code: 'x', message: 'It changed.', action: 'Open it again.' };
  assert.match(tensorCard('a', facts, { ok: false, problem }), /It changed\\?\. Open it again/);
  assert.doesNotMatch(tensorCard('[a](http://x)<b>', facts, 'late'), /\[a\]\(|<b>/);
});

test('a hover does not wait for statistics that take long: the work is broken off', async () => {
  const uri = manifestUriOf('/models/base/model.safetensors');
  const document = TextDocument.create(uri, 'checkpoint-manifest', 1, text);
  let brokenOff = false;
  const never: Compute['request'] = (_name, _params, options) =>
    new Promise((resolve) => {
      options?.signal?.addEventListener('abort', () => {
        brokenOff = true;
        resolve(cancelled());
      });
    });
  const compute = { request: never, configure: () => undefined, close: () => undefined };
  const documents = { get: () => document } as unknown as TextDocuments<TextDocument>;
  const features = new ManifestFeatures({} as Connection, compute, {
    documents,
    findings: () => [],
    check: () => undefined,
  });
  const place = { line: outline.lineOf('lm_head.weight') ?? 0, character: 1 };
  // Node ends once only unreferenced timers are left, such as that of the limit.
  const awake = setInterval(() => undefined, 1000);
  const hover = await features.hover(uri, place, new AbortController().signal);
  clearInterval(awake);
  assert.match(JSON.stringify(hover?.contents), /longer than a hover may/);
  assert.ok(brokenOff);
});
