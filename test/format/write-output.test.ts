import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import { textFile, type OutputFile } from '../../src/format/output-file';
import { checkOutput, writeOutput } from '../../src/format/write-output';
import { failure, success } from '../../src/protocol/result';
import { temporaryFolder } from './files';

const folder = temporaryFolder();
const never = new AbortController().signal;
const two = { kind: 'folder', files: [textFile('a.txt', 'one'), textFile('b.txt', 'two')] } as const;

/** A folder of its own for a test. */
function place(name: string): string {
  const path = paths.join(folder, name);
  fs.mkdirSync(path);
  return path;
}

test('a folder is there whole, and nothing beside it', async () => {
  const inside = place('whole');
  const counted: number[] = [];
  const written = await writeOutput(paths.join(inside, 'out'), two, {
    signal: never,
    onBytes: (done) => counted.push(done),
  });
  assert.ok(written.ok);
  assert.deepEqual(fs.readdirSync(inside), ['out']);
  assert.equal(fs.readFileSync(paths.join(inside, 'out', 'b.txt'), 'utf8'), 'two');
  assert.deepEqual(counted, [3, 6]);
});

test('a single file is there whole, and nothing beside it', async () => {
  const inside = place('file');
  const written = await writeOutput(
    paths.join(inside, 'x'),
    { kind: 'file', file: textFile('any', 'text') },
    { signal: never },
  );
  assert.ok(written.ok);
  assert.deepEqual(fs.readdirSync(inside), ['x']);
});

for (const kind of ['file', 'folder', 'link that leads nowhere'] as const) {
  test(`nothing is written over a ${kind}`, async () => {
    const inside = place(`over ${kind}`);
    const target = paths.join(inside, 'out');
    if (kind === 'file') fs.writeFileSync(target, 'mine');
    else if (kind === 'folder') fs.mkdirSync(target);
    else fs.symlinkSync(paths.join(folder, 'nowhere'), target);
    const written = await writeOutput(target, two, { signal: never });
    assert.ok(!written.ok);
    assert.equal(written.problem.code, 'output-exists');
    assert.deepEqual(fs.readdirSync(inside), ['out']);
    assert.ok(!fs.existsSync(paths.join(folder, 'nowhere')));
  });
}

test('what appears under the name while it is written stays as it is', async () => {
  for (const kind of ['file', 'folder'] as const) {
    const inside = place(`meanwhile ${kind}`);
    const target = paths.join(inside, 'out');
    const file: OutputFile = {
      name: 'f',
      bytes: 1,
      async *pieces() {
        if (kind === 'folder') fs.mkdirSync(target);
        fs.writeFileSync(kind === 'folder' ? paths.join(target, 'mine') : target, 'mine');
        yield await Promise.resolve(success(new Uint8Array(1)));
      },
    };
    const output = kind === 'file' ? ({ kind, file } as const) : ({ kind, files: [file] } as const);
    const written = await writeOutput(target, output, { signal: never });
    assert.ok(!written.ok);
    assert.equal(written.problem.code, 'output-exists');
    assert.deepEqual(fs.readdirSync(inside), ['out']);
    const mine = kind === 'folder' ? paths.join(target, 'mine') : target;
    assert.equal(fs.readFileSync(mine, 'utf8'), 'mine');
  }
});

test('cancelled in the middle, nothing stays behind', async () => {
  const inside = place('cancelled');
  const controller = new AbortController();
  const file: OutputFile = {
    name: 'long',
    bytes: 3,
    async *pieces() {
      for (let i = 0; i < 3; i++) {
        if (i === 1) controller.abort();
        yield await Promise.resolve(success(new Uint8Array(1)));
      }
    },
  };
  const output = { kind: 'folder', files: [textFile('a', 'a'), file] } as const;
  const written = await writeOutput(paths.join(inside, 'out'), output, { signal: controller.signal });
  assert.ok(!written.ok);
  assert.equal(written.problem.code, 'cancelled');
  assert.deepEqual(fs.readdirSync(inside), []);
});

test('a failure on the way is the answer, and nothing stays behind', async () => {
  const inside = place('failed');
  const broken = (yields: 'problem' | 'ENOSPC' | 'too little'): OutputFile => ({
    name: 'broken',
    bytes: 2,
    async *pieces() {
      yield await Promise.resolve(success(new Uint8Array(1)));
      if (yields === 'problem') yield failure({ code: 'file-changed', message: 'm', action: 'a' });
      if (yields === 'ENOSPC') throw Object.assign(new Error(), { code: 'ENOSPC' });
    },
  });
  const codes = { problem: 'file-changed', ENOSPC: 'disk-full', 'too little': 'file-changed' } as const;
  for (const yields of ['problem', 'ENOSPC', 'too little'] as const) {
    const output = { kind: 'folder', files: [broken(yields)] } as const;
    const written = await writeOutput(paths.join(inside, 'out'), output, { signal: never });
    assert.ok(!written.ok);
    assert.equal(written.problem.code, codes[yields]);
    assert.deepEqual(fs.readdirSync(inside), []);
  }
});

test('more than there is room for is refused before a byte is written', async () => {
  const target = paths.join(place('room'), 'out');
  const checked = await checkOutput(target, 2 ** 52);
  assert.ok(!checked.ok);
  assert.equal(checked.problem.code, 'disk-full');
  assert.match(checked.problem.message, /4503599627370496 bytes are needed/);
});

test('a folder to lie in that is not there is named', async () => {
  const checked = await checkOutput(paths.join(folder, 'missing', 'out'), 1);
  assert.ok(!checked.ok);
  assert.equal(checked.problem.code, 'file-missing');
  assert.match(checked.problem.message, /missing/);
});

test('what a killed process left behind for the same place is removed, and nothing else', async () => {
  const inside = place('leftovers');
  const target = paths.join(inside, 'out');
  // The temporary name of this machine, as it is while a file is written.
  let name = '';
  const file: OutputFile = {
    name: 'f',
    bytes: 1,
    async *pieces() {
      name = fs.readdirSync(inside)[0] ?? '';
      yield await Promise.resolve(success(new Uint8Array(1)));
    },
  };
  assert.ok((await writeOutput(target, { kind: 'folder', files: [file] }, { signal: never })).ok);
  fs.rmSync(target, { recursive: true });
  const ended = name.replace(`-${String(process.pid)}-`, '-999999999-');
  assert.notEqual(ended, name);
  fs.mkdirSync(paths.join(inside, ended));
  fs.mkdirSync(paths.join(inside, name));
  fs.writeFileSync(paths.join(inside, '.out.mine.tmp'), '');
  assert.ok((await writeOutput(target, two, { signal: never })).ok);
  assert.deepEqual(fs.readdirSync(inside).sort(), [name, '.out.mine.tmp', 'out'].sort());
});
