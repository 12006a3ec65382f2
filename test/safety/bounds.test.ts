// Bounds of docs/fuzzing.md on files of a megabyte that were made to cost as much as they can.
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import { openCheckpoint } from '../../src/format/registry';
import { safetensorsFile, temporaryFolder, vectors } from '../format/files';
import { torchZipFile } from '../format/torch-files';
import { zipFile } from '../graph/data/files';

const EMPTY_ENTRIES = 9000;
/** Reads of an archive of a megabyte, and bytes of all reads together as a multiple of its own. */
const MOST_READS = 100;
const MOST_TIMES = 4;
const MEGABYTE = 2 ** 20;
/** What opening a file of one megabyte may take beyond opening a file of some hundred bytes. */
const MOST_BYTES = 400 * MEGABYTE;
const folder = temporaryFolder();

const WATCH = `data:text/javascript,${encodeURIComponent(
  "process.on('exit', () => process.stderr.write('\\nPEAK ' + String(process.resourceUsage().maxRSS) + '\\n'))",
)}`;

/** Peak resident memory of the command line while it opens a file. */
function peakOf(name: string, content: Buffer): number {
  const path = paths.join(folder, name);
  fs.writeFileSync(path, content);
  const cli = paths.resolve(__dirname, '../../dist/cli.js');
  const { stderr, signal } = spawnSync(process.execPath, ['--import', WATCH, cli, 'inspect', path], {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 120_000,
  });
  assert.equal(signal, null, `${name} does not end`);
  return 1024 * Number(/^PEAK (\d+)$/m.exec(stderr)?.[1] ?? NaN);
}

/** As many repetitions as a megabyte has room for. */
function filled(part: string): Buffer {
  return Buffer.from(part.repeat(Math.floor(MEGABYTE / part.length)), 'latin1');
}

test('a hostile megabyte takes no more memory than is stated', () => {
  const usual = peakOf('small.safetensors', vectors(['a']));
  const keys = Array.from({ length: 60_000 }, (_, i) => `"${String(i)}":{"dtype":"X"}`).join(',');
  const files: Readonly<Record<string, Buffer>> = {
    'lists.pt': torchZipFile({ raw: Buffer.concat([Buffer.from('('), filled(']'), Buffer.from('t')]) }, {}),
    'shared.pt': torchZipFile(
      { raw: Buffer.concat([Buffer.from(']q\0', 'latin1'), filled('](h\0h\0eq\0')]) },
      {},
    ),
    'names.pkl': Buffer.concat([filled('cos\nsystem\n'), Buffer.from('.')]),
    'keys.safetensors': safetensorsFile(`{${keys}}`),
    'depth.safetensors': safetensorsFile(Buffer.concat([Buffer.from('{"a":{"b":'), filled('[')])),
  };
  for (const [name, content] of Object.entries(files)) {
    const more = peakOf(name, content) - usual;
    assert.ok(more < MOST_BYTES, `${name}: ${String(Math.round(more / MEGABYTE))} MiB more`);
    if (process.env.SHOW_PEAKS === '1') console.log(name, Math.round(more / MEGABYTE), 'MiB more');
  }
});

test('an archive of many empty entries takes few reads, whoever looks at its directory', async (t) => {
  const handle = await fs.promises.open(__filename);
  const read = t.mock.method(Object.getPrototypeOf(handle) as typeof handle, 'read');
  await handle.close();
  for (const ending of ['.npy', '.bin', '/data.pkl', '']) {
    const names = Array.from({ length: EMPTY_ENTRIES }, (_, i) => `a${String(i)}${ending}`);
    const path = paths.join(folder, 'empty.npz');
    const content = zipFile(names.map((name) => ({ name, content: Buffer.alloc(0) })));
    fs.writeFileSync(path, content);
    read.mock.resetCalls();
    const opened = await openCheckpoint(path);
    const findings = opened.ok ? opened.value.findings.length : 1;
    assert.ok(findings > 0 && findings < 200, `${ending}: ${String(findings)} findings`);
    assert.ok(read.mock.callCount() < MOST_READS, `${ending}: ${String(read.mock.callCount())} reads`);
    const wanted = read.mock.calls.map(({ arguments: given }) => Number((given as unknown[])[2]));
    const bytes = wanted.reduce((sum, each) => sum + each, 0);
    assert.ok(bytes > 0 && bytes < MOST_TIMES * content.length, `${ending}: ${String(bytes)} bytes`);
  }
});
