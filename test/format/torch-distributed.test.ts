import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { decode } from '../../src/tensor/decode';
import { temporaryFolder } from './files';
import { distributedFiles, ROWS, WHOLE } from './torch-distributed-files';

/** A folder with these tensors. */
function distributed(tensors: Parameters<typeof distributedFiles>[0]): string {
  const folder = temporaryFolder();
  for (const [name, bytes] of distributedFiles(tensors)) {
    if (!name.includes('/')) fs.writeFileSync(paths.join(folder, name), bytes);
  }
  return folder;
}

test('tensors come together from their parts in several files', async () => {
  const folder = distributed({ whole: WHOLE, rows: ROWS });
  for (const path of [folder, paths.join(folder, '.metadata'), paths.join(folder, '__1_0.distcp')]) {
    const opened = await openCheckpoint(path);
    assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
    assert.equal(opened.value.container, 'PyTorch (distributed)');
    const values: Record<string, number[]> = {};
    for (const { name, span } of opened.value.tensors) {
      const bytes = await readSpan(span);
      assert.ok(bytes.ok);
      values[name] = [...decode(span.dtype, bytes.value, span.count)];
    }
    assert.deepEqual(values, { whole: [7, 8, 9], rows: [1, 2, 3, 4, 5, 6] });
    assert.deepEqual(opened.value.findings, []);
  }
});

test('a tensor with a part too few is left out, and said', async () => {
  const folder = distributed({ whole: WHOLE, rows: { ...ROWS, parts: ROWS.parts.slice(0, 1) } });
  const opened = await openCheckpoint(folder);
  assert.ok(opened.ok);
  assert.deepEqual(
    opened.value.tensors.map(({ name }) => name),
    ['whole'],
  );
  assert.deepEqual(
    opened.value.findings.map(({ code, at }) => [code, at]),
    [['tensor-parts', 'rows']],
  );
});

test('files that are missing, torn, or outside of the folder are refused', async () => {
  const codeOf = async (folder: string) => {
    const opened = await openCheckpoint(folder);
    return opened.ok ? '' : opened.problem.code;
  };
  const missing = distributed({ rows: ROWS });
  fs.rmSync(paths.join(missing, '__1_0.distcp'));
  assert.equal(await codeOf(missing), 'shard-missing');
  const torn = distributed({ rows: ROWS });
  fs.truncateSync(paths.join(torn, '__1_0.distcp'), 300);
  assert.equal(await codeOf(torn), 'file-truncated');
  const outside = distributed({
    whole: WHOLE,
    rows: { ...ROWS, parts: ROWS.parts.map((part) => ({ ...part, file: '../__1_0.distcp' })) },
  });
  assert.equal(await codeOf(outside), 'shard-outside-folder');
});
