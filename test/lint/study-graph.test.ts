import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import { writeModel } from '../../src/graph/onnx/write-model';
import { hover } from '../../src/lint/hover';
import { lint } from '../../src/lint/registry';
import { npyFile, zipFile } from '../graph/data/files';
import { got } from '../graph/got';
import { model, node, value } from '../graph/onnx/models';
import { codesOf, contextFor, only, temporaryFolder, textAt, writeTensors, writeText } from './build';

const folder = temporaryFolder();
for (const name of ['base', 'rot90'])
  writeTensors(paths.join(folder, name, 'model.safetensors'), { w: { shape: [2] } });
const graph = model({
  nodes: [node('Relu', 'pixel_values', 'logits')],
  inputs: [value('pixel_values', 'float32', ['batch', 3])],
  outputs: [value('logits', 'float32')],
});
fs.writeFileSync(paths.join(folder, 'base.onnx'), got(writeModel(graph)));

function writeData(name: string, array: string, shape: readonly number[]): void {
  const content = npyFile({ kind: 'f4', shape, value: () => 0 });
  fs.writeFileSync(paths.join(folder, name), zipFile([{ name: `${array}.npy`, content }]));
}
writeData('good.npz', 'pixel_values', [4, 3]);
writeData('other.npz', 'images', [4, 3]);
writeData('wide.npz', 'pixel_values', [4, 5]);
writeText(paths.join(folder, 'torn.npz'), 'PK');

const STUDY = 'base: base\ntasks:\n  rot90: rot90\n';
const check = (rest: string) => lint(paths.join(folder, 'a.study.yaml'), STUDY + rest, contextFor([folder]));

test('a graph and data that feed it have no findings', async () => {
  assert.deepEqual(await check('graph: base.onnx\ndata: good.npz\n'), []);
  assert.deepEqual(await check('graph: base.onnx\ndata:\n  rot90: good.npz\n'), []);
  assert.deepEqual(
    await check('graph: base.onnx\ndata:\n  rot90: { path: other.npz, inputs: { pixel_values: images } }\n'),
    [],
  );
});

test('missing files and files that cannot be read are underlined where they are named', async () => {
  for (const [rest, code, text] of [
    ['graph: bse.onnx\n', 'study-path-missing', 'bse.onnx'],
    ['graph: torn.npz\n', 'graph-not-onnx', 'torn.npz'],
    ['data: god.npz\n', 'study-path-missing', 'god.npz'],
    ['data:\n  rot90: god.npz\n', 'study-path-missing', 'god.npz'],
    ['data:\n  rot90: { path: god.npz }\n', 'study-path-missing', 'god.npz'],
    ['data:\n  rot90: torn.npz\n', 'zip-malformed', 'torn.npz'],
    ['data:\n  rot90: base.onnx\n', 'data-format', 'base.onnx'],
  ] as const) {
    const finding = only(await check(rest), code);
    assert.equal(textAt(STUDY + rest, finding.range), text, rest);
  }
});

test('data that do not feed the graph are told by what they lack', async () => {
  const wide = only(await check('graph: base.onnx\ndata: wide.npz\n'), 'data-input-shape');
  assert.match(wide.message, /\[batch, 3\].*\[4, 5\]/);
  const guessed = only(await check('graph: base.onnx\ndata: other.npz\n'), 'data-input-guessed');
  assert.equal(guessed.severity, 'information');
  assert.deepEqual(codesOf(await check('data: wide.npz\n')), []);
});

test('over a graph stands what it takes, over data what they have', async () => {
  const over = (line: string) =>
    hover(paths.join(folder, 'a.study.yaml'), line, 0, line.length - 1, contextFor([folder]));
  assert.match(
    (await over('graph: base.onnx'))?.markdown ?? '',
    /takes:\n\n- pixel\\_values: float32 \\\[batch\\, 3\\\]/,
  );
  assert.match((await over('  rot90: wide.npz'))?.markdown ?? '', /- pixel\\_values: float32 \\\[4\\, 5\\\]/);
});
