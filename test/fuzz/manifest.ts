import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { manifestText } from '../../src/model/manifest/manifest-text';
import { ManifestOutline } from '../../src/model/manifest/read-manifest';
import { transformerRows, viewOf } from '../model/manifest/view';
import type { FuzzTarget } from './target';

/** A manifest that something else wrote, or a person changed: what it shows lies within it. */
function outline(text: string): void {
  const read = new ManifestOutline(text);
  const lines = text.split('\n').length;
  let last = -1;
  for (const { line, first, last: end } of read.sections) {
    assert.ok(line > last && first === line + 1 && end >= line && end < lines, 'sections overlap');
    last = end;
  }
  for (const { line, start, end } of read.files) {
    assert.ok(start <= end && end <= read.lineText(line).length, 'a name outside of its line');
  }
  for (let line = 0; line < lines; line++) {
    const tensor = read.tensorAt(line);
    if (tensor === null) continue;
    assert.ok(tensor.length <= tensor.text.length, 'a name longer than its line');
    read.lineOf(tensor.name);
  }
}

/** Every line of a text as the name of a tensor: each name is found again in the manifest. */
function written(names: readonly string[]): void {
  const view = viewOf(names.map((name) => [name, 'F32', [2]]));
  const read = new ManifestOutline(manifestText(view));
  for (const name of names) {
    const line = read.lineOf(name);
    assert.ok(line !== undefined, `${JSON.stringify(name)} is not found`);
    assert.equal(read.tensorAt(line)?.name, name);
  }
}

/** Manifests: the text of a checkpoint, and what is read out of it. */
export const manifest: FuzzTarget = {
  name: 'manifest',
  modules: /model\/manifest\/[\w-]+\.ts$/,
  seeds: () =>
    [
      manifestText(viewOf(transformerRows(1))),
      '# file 1: "a b"\n\n["x y"]\n"a\\u0007"  F32\n[z]\nb F32',
      'plain\nwith space\n"quoted"\n#hash\n[bracket]\n\\',
    ].map((text) => Buffer.from(text)),
  run: (bytes) => {
    const text = Buffer.from(bytes).toString('utf8');
    outline(text);
    written([...new Set(text.split('\n'))].filter((name) => name !== ''));
  },
};
