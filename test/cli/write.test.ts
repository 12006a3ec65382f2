import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import type { WriteReport } from '../../src/protocol/write';
import { ended, run, start } from './run';

const BASE = 'samples/charlm/base';
const LORA = 'samples/charlm/lora/json-r8';
const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'deltalens-write-')));
after(() => fs.rmSync(folder, { recursive: true }));
const place = (name: string) => path.join(folder, name);

test('a dry run prints the report as JSON and writes nothing', async () => {
  const out = place('dry');
  const { code, stdout, stderr } = await run([
    'bake',
    '--base',
    BASE,
    LORA,
    '-o',
    out,
    '--dry-run',
    '--json',
  ]);
  assert.deepEqual([code, stderr], [0, '']);
  const report = JSON.parse(stdout) as WriteReport;
  assert.deepEqual([report.written, report.output, report.tensors], [false, out, 38]);
  assert.ok(!fs.existsSync(out));
});

test('what a command writes is what inspect reads', async () => {
  const out = place('extracted');
  const words = ['--base', 'samples/vit-digits/base', 'samples/vit-digits/rot90', '--rank', '4', '-o', out];
  const { code, stdout } = await run(['extract', ...words]);
  assert.equal(code, 0);
  assert.match(stdout, /^36 modules of rank 4 to 4; [\d.]+ % of ‖τ‖² is kept\.\nWritten: /);
  const seen = await run(['inspect', out]);
  assert.match(seen.stdout, /adapter +LoRA, rank 4, alpha 4, scale 1\n/);
});

for (const [what, words, says] of [
  ['no place to write to', ['convert', BASE], /Name a new folder with -o/],
  ['no base', ['bake', LORA, '-o', 'x'], /Name it with --base/],
  ['no rank', ['resize', LORA, '-o', 'x'], /Give --rank, --energy or --error/],
  ['a share above 1', ['resize', LORA, '--energy', '95', '-o', 'x'], /Give one such as 0\.95/],
  ['no layout', ['convert-layout', LORA, '-o', 'x'], /peft, kohya, diffusers, mlx/],
  ['a name that is taken', ['convert', BASE, '-o', 'samples'], /Choose a name that is not taken/],
] as const) {
  test(`${what} is wrong use`, async () => {
    const { code, stdout, stderr } = await run(words);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, says);
  });
}

test('interrupted, nothing stays behind', async () => {
  // 4 GiB that take no room on disk.
  const bytes = 4 * 2 ** 30;
  const json = Buffer.from(
    JSON.stringify({ w: { dtype: 'F32', shape: [bytes / 4], data_offsets: [0, bytes] } }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const file = place('large.safetensors');
  fs.writeFileSync(file, Buffer.concat([length, json]));
  fs.truncateSync(file, 8 + json.length + bytes);
  const inside = place('interrupted');
  fs.mkdirSync(inside);
  const child = start(['convert', file, '-o', path.join(inside, 'out'), '--shard-size', '0']);
  const result = ended(child);
  while (fs.readdirSync(inside).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill('SIGINT');
  const { code } = await result;
  assert.equal(code, 130);
  assert.deepEqual(fs.readdirSync(inside), []);
});
