import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import test, { suite } from 'node:test';
import { openCheckpoint } from '../../src/format/registry';
import { temporaryFolder, writeFiles } from './files';
import { ggufFile, numbers, openWhole, valuesOf, type GgufOptions, type TensorOfFile } from './gguf-files';

const folder = temporaryFolder();

suite('GGUF models in parts', () => {
  const part = (
    no: number,
    count: number,
    tensors: readonly TensorOfFile[],
    total = 3,
    options: GgufOptions = {},
  ) =>
    ggufFile(
      [
        ...(no === 0 ? [['general.name', ['string', 'whole']] as const] : []),
        ['split.no', ['u16', no]],
        ['split.count', ['u16', count]],
        ['split.tensors.count', ['i32', total]],
      ],
      tensors,
      options,
    );
  const PARTS = {
    'm-00001-of-00003.gguf': part(0, 3, [numbers('a', [4])]),
    'm-00002-of-00003.gguf': part(1, 3, [numbers('b', [4], 4)]),
    'm-00003-of-00003.gguf': part(2, 3, [numbers('c', [4], 8)]),
  };

  test('any part opens the whole model', async () => {
    const whole = writeFiles(fs.mkdtempSync(paths.join(folder, 'parts-')), PARTS);
    for (const name of Object.keys(PARTS)) {
      const checkpoint = await openWhole(paths.join(whole, name));
      assert.deepEqual(
        checkpoint.tensors.map((tensor) => tensor.name),
        ['a', 'b', 'c'],
      );
      assert.deepEqual([...(await valuesOf(checkpoint, 'c'))], [8, 9, 10, 11]);
      assert.equal(checkpoint.container, 'GGUF (3 parts)');
      assert.equal(checkpoint.metadata['general.name'], 'whole');
      assert.equal(checkpoint.files.length, 3);
      assert.deepEqual(checkpoint.findings, []);
    }
  });

  test('a part that is missing is named, and the others are opened', async () => {
    const some = writeFiles(fs.mkdtempSync(paths.join(folder, 'parts-')), PARTS);
    fs.rmSync(paths.join(some, 'm-00002-of-00003.gguf'));
    const checkpoint = await openWhole(paths.join(some, 'm-00003-of-00003.gguf'));
    assert.deepEqual(
      checkpoint.tensors.map(({ name }) => name),
      ['a', 'c'],
    );
    const [finding] = checkpoint.findings;
    assert.equal(finding?.code, 'gguf-split-missing');
    assert.match(finding.message, /1 of 3 parts of the model are missing: "m-00002-of-00003\.gguf"/);
  });

  test('a part under another name is opened alone, and says so', async () => {
    const path = paths.join(folder, 'alone.gguf');
    fs.writeFileSync(path, PARTS['m-00002-of-00003.gguf']);
    const checkpoint = await openWhole(path);
    assert.deepEqual(
      checkpoint.tensors.map(({ name }) => name),
      ['b'],
    );
    assert.deepEqual(
      checkpoint.findings.map(({ code }) => code),
      ['gguf-split-missing'],
    );
  });

  test('parts that do not belong together are found out', async () => {
    const mixed = writeFiles(fs.mkdtempSync(paths.join(folder, 'parts-')), {
      ...PARTS,
      'm-00002-of-00003.gguf': part(0, 3, [numbers('b', [4])], 4),
    });
    const checkpoint = await openWhole(paths.join(mixed, 'm-00001-of-00003.gguf'));
    assert.deepEqual(
      checkpoint.findings.map(({ code }) => code),
      ['gguf-split-mismatch'],
    );
    fs.writeFileSync(paths.join(mixed, 'm-00002-of-00003.gguf'), part(1, 3, [numbers('a', [4])]));
    const opened = await openCheckpoint(paths.join(mixed, 'm-00001-of-00003.gguf'));
    assert.equal(opened.ok ? '' : opened.problem.code, 'gguf-duplicate-tensor');
  });
});
