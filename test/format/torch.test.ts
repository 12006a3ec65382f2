import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as paths from 'node:path';
import { after, test } from 'node:test';
import type { Checkpoint } from '../../src/format/checkpoint';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { decode } from '../../src/tensor/decode';
import { floats, global, torchLegacyFile, torchZipFile, type Plain, type TorchTensor } from './torch-files';

const ROOT = paths.resolve(__dirname, '../..');
const ZOO = paths.resolve(ROOT, '../shared/zoo/charlm');
const REAL = paths.resolve(ROOT, '../shared/realdata');
const PICKLESCAN = paths.join(REAL, 'mmaitre314+picklescan/tests');
const withZoo = fs.existsSync(ZOO) ? {} : { skip: 'the larger collection of networks is not here' };
const withReal = fs.existsSync(PICKLESCAN) ? {} : { skip: 'the collection of real files is not here' };

const folder = fs.mkdtempSync(paths.join(os.tmpdir(), 'torch-'));
after(() => fs.rmSync(folder, { recursive: true }));
let files = 0;

function write(bytes: Buffer, name = `${String(files++)}.pt`): string {
  const path = paths.join(folder, name);
  fs.writeFileSync(path, bytes);
  return path;
}

async function opened(path: string): Promise<Checkpoint> {
  const result = await openCheckpoint(path);
  assert.ok(result.ok, result.ok ? '' : result.problem.message);
  return result.value;
}

async function valuesOf({ tensors }: Checkpoint): Promise<Record<string, number[]>> {
  const all: Record<string, number[]> = {};
  for (const { name, span } of tensors) {
    const bytes = await readSpan(span);
    assert.ok(bytes.ok);
    all[name] = [...decode(span.dtype, bytes.value, span.count)];
  }
  return all;
}

const A: TorchTensor = { key: '0', storage: 'FloatStorage', elements: 6, shape: [2, 3], stride: [3, 1] };
const VALUES = floats(1, 2, 3, 4, 5, 6);

test('tensors lie where their storages do, in both containers', async () => {
  const dict: Plain = { dict: [['a.weight', A]] };
  const zip = write(torchZipFile(dict, { 0: VALUES }));
  const legacy = write(torchLegacyFile(dict, [{ key: '0', elements: 6, bytes: VALUES }]));
  for (const [path, container] of [
    [zip, 'PyTorch'],
    [legacy, 'PyTorch (before 1.6)'],
  ] as const) {
    const checkpoint = await opened(path);
    assert.equal(checkpoint.container, container);
    assert.deepEqual(await valuesOf(checkpoint), { 'a.weight': [1, 2, 3, 4, 5, 6] });
    assert.deepEqual(checkpoint.findings, []);
  }
});

test('views share a storage; those with gaps are gathered in C order', async () => {
  const views: Plain = {
    dict: [
      ['whole', A],
      ['turned', { ...A, shape: [3, 2], stride: [1, 3] }],
      ['column', { ...A, offset: 1, shape: [2], stride: [3] }],
      ['expanded', { ...A, offset: 5, shape: [2, 2], stride: [0, 0] }],
      ['none', { ...A, shape: [0, 3] }],
    ],
  };
  const values = await valuesOf(await opened(write(torchZipFile(views, { 0: VALUES }))));
  assert.deepEqual(values, {
    whole: [1, 2, 3, 4, 5, 6],
    turned: [1, 4, 2, 5, 3, 6],
    column: [2, 5],
    expanded: [6, 6, 6, 6],
    none: [],
  });
});

test('of a trainer checkpoint the weights are listed, and what is left out is said', async () => {
  const moment: TorchTensor = { ...A, key: '1' };
  const content: Plain = {
    dict: [
      ['epoch', 3],
      ['state_dict', { dict: [['a.weight', A]] }],
      ['optimizer', { dict: [['state', { dict: [['exp_avg', moment]] }]] }],
    ],
  };
  const checkpoint = await opened(write(torchZipFile(content, { 0: VALUES, 1: VALUES })));
  assert.deepEqual(Object.keys(await valuesOf(checkpoint)), ['a.weight']);
  assert.deepEqual(checkpoint.metadata, { epoch: '3' });
  assert.deepEqual(
    checkpoint.findings.map(({ code, at }) => [code, at]),
    [['tensors-left-out', 'state_dict']],
  );
});

test('a pickled module has the names of its state dict, and its class is named', async () => {
  const parts: Plain = { dict: [['_parameters', { dict: [['weight', A]] }]] };
  const state: Plain = { dict: [['_modules', { dict: [['fc', parts]] }]] };
  const made = Buffer.concat([global('my.models', 'Net'), Buffer.from(')\x81', 'latin1')]);
  const { raw } = { raw: made };
  const whole: Plain = { raw: Buffer.concat([raw, pickled(state), Buffer.from('b')]) };
  const checkpoint = await opened(write(torchZipFile(whole, { 0: VALUES })));
  assert.deepEqual(Object.keys(await valuesOf(checkpoint)), ['fc.weight']);
  const [finding] = checkpoint.findings;
  assert.deepEqual([finding?.code, finding?.severity], ['pickle-unknown-object', 'warning']);
  assert.match(finding?.message ?? '', /would call "my\.models\.Net"/);
});

/** The instructions of a value, without start and end. */
function pickled(value: Plain): Buffer {
  const file = torchZipFile(value, {});
  const start = file.indexOf('\x80\x02', 0, 'latin1') + 2;
  return file.subarray(start, file.indexOf(Buffer.from('.PK\x03\x04', 'latin1'), start));
}

test('what would run code is an error that names it, and nothing runs', async () => {
  const mark = paths.join(folder, 'owned');
  const call = Buffer.concat([
    global('posix', 'system'),
    Buffer.from(`(X${String.fromCharCode(mark.length + 6)}\0\0\0touch ${mark}tR`, 'latin1'),
  ]);
  const content: Plain = {
    dict: [
      ['a', A],
      ['hook', { raw: call }],
    ],
  };
  const checkpoint = await opened(write(torchZipFile(content, { 0: VALUES })));
  assert.deepEqual(Object.keys(await valuesOf(checkpoint)), ['a']);
  const [finding] = checkpoint.findings;
  assert.deepEqual([finding?.code, finding?.severity], ['pickle-runs-code', 'error']);
  assert.match(finding?.message ?? '', /would call "posix\.system".*\(byte \d+\)/);
  assert.ok(!fs.existsSync(mark));
});

test('what reaches beyond its storage, lacks it, is packed or torn is refused', async () => {
  const one = (tensor: TorchTensor): Plain => ({ dict: [['a', tensor]] });
  const big = torchZipFile(one({ ...A, shape: [2 ** 30, 2 ** 30], stride: [0, 0] }), { 0: VALUES });
  const legacy = torchLegacyFile(one(A), [{ key: '0', elements: 6, bytes: VALUES }]);
  const lying = torchLegacyFile(one(A), [{ key: '0', elements: 2 ** 40, bytes: VALUES }]);
  const packed = { name: 'archive/data/0', content: VALUES, method: 8 };
  const cases: readonly [string, Buffer, string][] = [
    ['beyond', torchZipFile(one({ ...A, offset: 1 }), { 0: VALUES }), 'tensor-storage'],
    ['no storage', torchZipFile(one(A), {}), 'tensor-storage'],
    ['packed', torchZipFile(one(A), {}, [packed]), 'zip-packed'],
    ['torn legacy', legacy.subarray(0, legacy.length - 1), 'file-truncated'],
    ['a storage of a terabyte', lying, 'file-truncated'],
    ['a torn pickle', legacy.subarray(0, 60), 'pickle-malformed'],
    ['more elements than there are numbers', big, 'tensor-storage'],
  ];
  for (const [what, bytes, code] of cases) {
    const result = await openCheckpoint(write(bytes));
    if (result.ok) {
      // Expanded to more than memory holds: left out, and said.
      assert.deepEqual([what, result.value.findings[0]?.code], [what, 'tensor-strided']);
    } else assert.deepEqual([what, result.problem.code], [what, code]);
  }
});

/** `}` memoised as 0 and, so many times, a map that holds the one before under each of the keys. */
function nested(levels: number, keys: readonly string[], innermost: Plain): Buffer {
  const parts = [
    Buffer.from('}q\0', 'latin1'),
    pickled({ dict: [['w', innermost]] }),
    Buffer.from('0', 'latin1'),
  ];
  parts.push(pickled('w'), pickled(innermost), Buffer.from('s', 'latin1'));
  for (let level = 1; level <= levels; level++) {
    parts.push(Buffer.from(`}q${String.fromCharCode(level % 250)}(`, 'latin1'));
    for (const key of keys)
      parts.push(pickled(key), Buffer.from(`h${String.fromCharCode((level - 1) % 250)}`, 'latin1'));
    parts.push(Buffer.from('u', 'latin1'));
  }
  return Buffer.concat(parts);
}

test('maps that hold the same map twice at every level are refused, those that hold one are not', async () => {
  const twice = await openCheckpoint(write(torchZipFile({ raw: nested(60, ['a', 'b'], A) }, { 0: VALUES })));
  assert.equal(twice.ok ? '' : twice.problem.code, 'pickle-malformed');
  const once = await opened(write(torchZipFile({ raw: nested(60, ['a'], A) }, { 0: VALUES })));
  assert.deepEqual(Object.keys(await valuesOf(once)), [`${'a.'.repeat(60)}w`]);
});

test('modules nested without end and an object that is its own state have no tensors, and no more happens', async () => {
  const deep: Plain = { raw: nested(50_000, ['_modules'], A) };
  const own: Plain = { raw: Buffer.concat([global('my', 'Net'), Buffer.from(')\x812b', 'latin1')]) };
  for (const content of [deep, own]) {
    const checkpoint = await opened(write(torchZipFile(content, { 0: VALUES })));
    assert.deepEqual(checkpoint.tensors, []);
    assert.equal(checkpoint.findings.at(-1)?.code, 'no-tensors');
  }
});

test('an element type that is called like a member of every object is not read', async () => {
  const one: Plain = { dict: [['a', { ...A, storage: 'constructor' }]] };
  const checkpoint = await opened(write(torchZipFile(one, { 0: VALUES })));
  assert.deepEqual(
    checkpoint.findings.map(({ code }) => code),
    ['pickle-unknown-object', 'tensor-dtype', 'no-tensors'],
  );
});

test('a tensor before the start of its storage is none', async () => {
  const before: Plain = { dict: [['a', { ...A, offset: -4, shape: [2], stride: [1] }]] };
  const checkpoint = await opened(write(torchZipFile(before, { 0: VALUES })));
  assert.deepEqual(checkpoint.tensors, []);
});

test('many views that each reach over a whole storage are gathered up to a bound', async () => {
  // Two elements as far apart as the storage is long: 64 MiB are read for each.
  const elements = 2 ** 24;
  const far: TorchTensor = { ...A, elements, shape: [2], stride: [elements - 1] };
  const names = Array.from({ length: 34 }, (_, index) => `v${String(index)}`);
  const views: Plain = { dict: names.map((name) => [name, far]) };
  const path = write(torchZipFile(views, { 0: Buffer.alloc(4 * elements) }));
  const checkpoint = await opened(path);
  fs.rmSync(path);
  assert.equal(checkpoint.tensors.length, 32);
  assert.deepEqual(
    checkpoint.findings.map(({ code, at }) => [code, at]),
    [
      ['tensor-strided', 'v32'],
      ['tensor-strided', 'v33'],
    ],
  );
});

test('any change of any byte of the directory gives a problem or a checkpoint, never an exception', async () => {
  const dict: Plain = { dict: [['a', A]] };
  for (const bytes of [
    torchZipFile(dict, { 0: VALUES }),
    torchLegacyFile(dict, [{ key: '0', elements: 6, bytes: VALUES }]),
  ]) {
    for (let at = 0; at < bytes.length; at += 3) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 0x81;
      const result = await openCheckpoint(write(changed, 'changed.pt'));
      if (result.ok) for (const { span } of result.value.tensors) assert.ok(span.bytes <= bytes.length);
      else assert.ok(result.problem.code !== 'internal', result.problem.message);
    }
  }
});

test('the same model in torch files and in safetensors is the same bit by bit', withZoo, async () => {
  for (const [other, plain] of [
    ['formats/python-bin', 'python'],
    ['formats/revwords-legacy', 'revwords'],
  ] as const) {
    const [torch, reference] = [await opened(paths.join(ZOO, other)), await opened(paths.join(ZOO, plain))];
    // Torch keeps the tied head under both names, in one storage; safetensors has it once.
    const [head, tied] = ['lm_head.weight', 'model.embed_tokens.weight'].map((name) =>
      torch.tensors.find((each) => each.name === name),
    );
    assert.deepEqual(head?.span, tied?.span);
    assert.equal(torch.tensors.length, reference.tensors.length + 1);
    for (const { name, span } of reference.tensors) {
      const same = torch.tensors.find((each) => each.name === name);
      assert.ok(same);
      const [a, b] = [await readSpan(span), await readSpan(same.span)];
      assert.ok(a.ok && b.ok && Buffer.from(a.value).equals(Buffer.from(b.value)), name);
      assert.deepEqual([same.span.dtype, same.span.shape], [span.dtype, span.shape]);
    }
  }
});

/** Scanned for by others; harmless, or without a pickle. */
const BENIGN = /^(?:benign|not_a_pickle|new_pytorch_model|pytorch_model)/;

test('every exploit that picklescan keeps is reported, or refused as no checkpoint', withReal, async () => {
  const found = fs
    .readdirSync(PICKLESCAN, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(?:pkl|pt|pth|bin)$/.test(name));
  assert.ok(found.length > 50);
  const reported = ['pickle-runs-code', 'pickle-unknown-object'];
  const silent: string[] = [];
  for (const name of found) {
    const result = await openCheckpoint(paths.join(PICKLESCAN, name));
    const codes = result.ok ? result.value.findings.map(({ code }) => code) : [result.problem.code];
    const isReported = codes.some((code) => reported.includes(code));
    if (BENIGN.test(paths.basename(name))) assert.ok(!isReported, `${name}: ${codes.join(' ')}`);
    else if (!isReported) silent.push(`${name}: ${codes.join(' ')}`);
  }
  // Neither archive nor pickle: torch does not load it either.
  assert.deepEqual(silent, ['data/bad_pytorch.pt: not-a-checkpoint']);
});
