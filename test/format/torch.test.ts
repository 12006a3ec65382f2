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
import {
  floats,
  global,
  pickle,
  pickled,
  torchLegacyFile,
  torchZipFile,
  type Plain,
  type TorchTensor,
} from './torch-files';

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

test('views share a storage; those with gaps are read in C order, and nothing of them when the file is opened', async () => {
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
  const { tensors } = await opened(write(torchZipFile(views, { 0: VALUES })));
  assert.ok(tensors.every(({ span }) => span.memory === undefined));
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

test('what reaches beyond its storage, lacks it, is encrypted or torn is refused', async () => {
  const one = (tensor: TorchTensor): Plain => ({ dict: [['a', tensor]] });
  const big = torchZipFile(one({ ...A, shape: [2 ** 30, 2 ** 30], stride: [0, 0] }), { 0: VALUES });
  const legacy = torchLegacyFile(one(A), [{ key: '0', elements: 6, bytes: VALUES }]);
  const lying = torchLegacyFile(one(A), [{ key: '0', elements: 2 ** 40, bytes: VALUES }]);
  const closed = torchZipFile(one(A), { 0: VALUES });
  encrypt(closed, 'archive/data/0');
  const cases: readonly [string, Buffer, string][] = [
    ['beyond', torchZipFile(one({ ...A, offset: 1 }), { 0: VALUES }), 'tensor-storage'],
    ['no storage', torchZipFile(one(A), {}), 'tensor-storage'],
    ['encrypted', closed, 'zip-packed'],
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

/** Marks a file of an archive as encrypted, in its directory. */
function encrypt(archive: Buffer, name: string): void {
  const at = archive.lastIndexOf(Buffer.from(name)) - 46;
  assert.equal(archive.readUInt32LE(at), 0x02014b50);
  archive.writeUInt16LE(archive.readUInt16LE(at + 8) | 1, at + 8);
}

test('packed and big-endian storages have the same values as plain ones', async () => {
  const views: Plain = {
    dict: [
      ['whole', A],
      ['turned', { ...A, shape: [3, 2], stride: [1, 3] }],
      ['column', { ...A, offset: 1, shape: [2], stride: [3] }],
    ],
  };
  const plain = await valuesOf(await opened(write(torchZipFile(views, { 0: VALUES }))));
  const packed = { name: 'archive/data/0', content: VALUES, method: 8 };
  assert.deepEqual(await valuesOf(await opened(write(torchZipFile(views, {}, [packed])))), plain);
  const turned = Buffer.from(VALUES).swap32();
  const big = await opened(write(torchZipFile(views, { 0: turned }, [], 'big')));
  assert.deepEqual(await valuesOf(big), plain);
  const both = { name: 'archive/data/0', content: turned, method: 8 };
  assert.deepEqual(await valuesOf(await opened(write(torchZipFile(views, {}, [both], 'big')))), plain);
});

test('quantised tensors have the values (code − zero point) · scale, by tensor and by channel', async () => {
  const codes: TorchTensor = {
    key: '0',
    storage: 'QInt8Storage',
    elements: 6,
    shape: [2, 3],
    stride: [3, 1],
  };
  const scales: TorchTensor = { key: '1', storage: 'DoubleStorage', elements: 3, shape: [3], stride: [1] };
  const zeros: TorchTensor = { ...scales, key: '2', storage: 'LongStorage' };
  const content: Plain = {
    dict: [
      ['plain', quantised(codes, [global('torch', 'per_tensor_affine'), double(0.1), pickled(-3)])],
      [
        'columns',
        quantised(codes, [
          global('torch', 'per_channel_affine'),
          pickled(scales),
          pickled(zeros),
          pickled(1),
        ]),
      ],
      [
        'turned',
        quantised({ ...codes, shape: [3, 2], stride: [1, 3] }, [
          global('torch', 'per_channel_affine'),
          pickled(scales),
          pickled(zeros),
          pickled(0),
        ]),
      ],
      ['unknown', quantised(codes, [global('torch', 'per_channel_affine_float_qparams'), pickled(1)])],
    ],
  };
  const q = [-128, -1, 0, 1, 5, 127];
  const scale = [0.5, 0.1, 2];
  const zero = [0n, 4n, -7n];
  const checkpoint = await opened(
    write(
      torchZipFile(content, {
        0: Buffer.from(Int8Array.from(q).buffer),
        1: Buffer.from(Float64Array.from(scale).buffer),
        2: Buffer.from(BigInt64Array.from(zero).buffer),
      }),
    ),
  );
  const value = (code: number, s: number, z: number) => Math.fround((code - z) * Math.fround(s));
  const byColumn = q.map((code, i) => value(code, scale[i % 3] ?? 0, Number(zero[i % 3])));
  assert.deepEqual(await valuesOf(checkpoint), {
    plain: q.map((code) => value(code, 0.1, -3)),
    columns: byColumn,
    turned: [0, 3, 1, 4, 2, 5].map((i) => byColumn[i]),
  });
  assert.deepEqual(
    checkpoint.findings.map(({ code }) => code),
    [],
  );
  assert.equal(checkpoint.tensors[0]?.span.stored?.label, 'QINT8');
});

function quantised(tensor: TorchTensor, params: readonly Buffer[]): Plain {
  // A tensor's own instructions end with: requires_grad, hooks, the end of the arguments, the call.
  const plain = pickled(tensor).toString('latin1');
  const name = 'c' + 'torch._utils\n_rebuild_tensor_v2\n';
  const given = plain.slice(name.length, -'\x89)tR'.length);
  const quantizer = `(${Buffer.concat([...params]).toString('latin1')}t`;
  return { raw: Buffer.from(`ctorch._utils\n_rebuild_qtensor\n${given}${quantizer}\x89)tR`, 'latin1') };
}

function double(value: number): Buffer {
  const bytes = Buffer.alloc(9, 'G');
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

function sparse(layout: string, parts: readonly Plain[], shape: readonly number[]): Plain {
  const data = parts.map((part) => pickled(part).toString('latin1')).join('');
  const sizes = shape.map((size) => pickled(size).toString('latin1')).join('');
  const call = `ctorch._utils\n_rebuild_sparse_tensor\n(ctorch.serialization\n_get_layout\n(`;
  const name = pickled(`torch.sparse_${layout}`).toString('latin1');
  return { raw: Buffer.from(`${call}${name}tR(${data}(${sizes}tttR`, 'latin1') };
}

test('sparse tensors are read dense; too large ones are left out, and said', async () => {
  const of = (key: string, storage: string, ...shape: number[]): TorchTensor => ({
    key,
    storage,
    elements: 0,
    shape,
    stride: shape.map((_, axis) => shape.slice(axis + 1).reduce((product, length) => product * length, 1)),
  });
  const values = of('0', 'FloatStorage', 3);
  const content: Plain = {
    dict: [
      ['coo', sparse('coo', [of('1', 'LongStorage', 2, 3), values], [2, 4])],
      ['rows', sparse('coo', [of('2', 'LongStorage', 1, 3), of('3', 'FloatStorage', 3, 2)], [4, 2])],
      ['csr', sparse('csr', [of('4', 'LongStorage', 3), of('5', 'LongStorage', 3), values], [2, 4])],
      ['csc', sparse('csc', [of('4', 'LongStorage', 3), of('5', 'LongStorage', 3), values], [4, 2])],
      ['large', sparse('coo', [of('1', 'LongStorage', 2, 3), values], [2 ** 20, 2 ** 20])],
      ['blocks', sparse('bsr', [of('4', 'LongStorage', 3), of('5', 'LongStorage', 3), values], [2, 4])],
    ],
  };
  const longs = (...list: number[]) => Buffer.from(BigInt64Array.from(list.map(BigInt)).buffer);
  const checkpoint = await opened(
    write(
      torchZipFile(content, {
        0: floats(7, 8, 9),
        1: longs(0, 1, 1, 3, 0, 2),
        2: longs(3, 0, 1),
        3: floats(1, 2, 3, 4, 5, 6),
        4: longs(0, 1, 3),
        5: longs(3, 0, 2),
      }),
    ),
  );
  assert.deepEqual(await valuesOf(checkpoint), {
    coo: [0, 0, 0, 7, 8, 0, 9, 0],
    rows: [3, 4, 5, 6, 0, 0, 1, 2],
    csr: [0, 0, 0, 7, 8, 0, 9, 0],
    csc: [0, 8, 0, 0, 0, 9, 7, 0],
  });
  assert.deepEqual(
    checkpoint.findings.map(({ code, at }) => [code, at]),
    [
      ['tensor-sparse', 'large'],
      ['tensor-sparse', 'blocks'],
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

test('an archive that broke off says how many bytes are missing and which tensors are whole', async () => {
  const B: TorchTensor = { ...A, key: '1' };
  const whole = torchZipFile(
    {
      dict: [
        ['a', A],
        ['b', B],
        ['c', { ...A, key: '2' }],
      ],
    },
    { 0: VALUES, 1: VALUES, 2: VALUES },
  );
  const name = 'archive/data/1';
  const at = whole.indexOf(name) + name.length;
  const result = await openCheckpoint(write(whole.subarray(0, at + 10), 'torn.pt'));
  assert.ok(!result.ok);
  assert.equal(result.problem.code, 'file-truncated');
  // 14 bytes of b and all 24 of c.
  assert.match(result.problem.message, /at least 38 bytes short: it ends within "archive\/data\/1"/);
  assert.match(result.problem.message, /1 of 3 tensors are whole; not whole: "b", "c"/);
  const onlyDirectory = whole.subarray(0, whole.lastIndexOf('PK\x01\x02', undefined, 'latin1'));
  const rest = await openCheckpoint(write(onlyDirectory.subarray(0, -40), 'torn.pt'));
  assert.match(rest.ok ? '' : rest.problem.message, /short/);
});

/** A tar archive of POSIX. */
function tarFile(members: Readonly<Record<string, Buffer>>): Buffer {
  const blocks = Object.entries(members).flatMap(([name, content]) => {
    const head = Buffer.alloc(512);
    head.write(name, 0, 'latin1');
    head.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
    head.write('0', 156, 'latin1');
    head.write('ustar\x0000', 257, 'latin1');
    return [head, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function long(...values: readonly number[]): Buffer {
  return Buffer.from(BigInt64Array.from(values.map(BigInt)).buffer);
}

const NONE: Plain = { raw: Buffer.from(')') };

function torchTarFile(): Buffer {
  const list = (...parts: readonly Plain[]): Plain => ({
    raw: Buffer.concat([Buffer.from('('), ...parts.map(pickled), Buffer.from('t')]),
  });
  const float = { raw: global('torch', 'FloatStorage') };
  const kind = { raw: global('torch', 'FloatTensor') };
  const storages = [pickle(1), pickle(list(40, 'cpu', float)), long(6), VALUES];
  const views = pickle({
    raw: Buffer.concat([Buffer.from(']('), pickled(list(41, 40, 2, 3)), Buffer.from('e')]),
  });
  const axes = (rank: number) => Buffer.from(Int32Array.of(rank, 0).buffer);
  const tensors = [
    pickle(2),
    pickle(list(7, 40, kind)),
    axes(2),
    long(3, 2, 1, 3, 0),
    pickle(list(8, 41, kind)),
    axes(1),
    long(2, 1, 1),
  ];
  const tensor = (key: string): Plain => ({ raw: Buffer.concat([pickled(key), Buffer.from('Q')]) });
  const content = pickle({
    dict: [
      ['turned', tensor('7')],
      ['part', tensor('8')],
    ],
  });
  return tarFile({
    sys_info: pickle(NONE),
    pickle: content,
    tensors: Buffer.concat(tensors),
    storages: Buffer.concat([...storages, views]),
  });
}

test('archives of tar from before 0.1.10 have the tensors that they refer to, and views of storages', async () => {
  const checkpoint = await opened(write(torchTarFile()));
  assert.equal(checkpoint.container, 'PyTorch (before 0.1.10)');
  assert.deepEqual(await valuesOf(checkpoint), { turned: [1, 4, 2, 5, 3, 6], part: [4, 5] });
  const torn = await openCheckpoint(write(torchTarFile().subarray(0, 2100)));
  assert.equal(torn.ok ? '' : torn.problem.code, 'file-truncated');
});

test('any change of any byte of an archive of tar gives a problem or a checkpoint, never an exception', async () => {
  const whole = torchTarFile();
  for (let at = 0; at < whole.length; at += 7) {
    const changed = Buffer.from(whole);
    changed[at] = (changed[at] ?? 0) ^ 0x81;
    const result = await openCheckpoint(write(changed, 'changed.pt'));
    assert.ok(result.ok || result.problem.code !== 'internal-error', result.ok ? '' : result.problem.message);
  }
});

test('a model in several files of torch is one checkpoint, and its index is checked as one of safetensors', async () => {
  const home = fs.mkdtempSync(paths.join(folder, 'sharded-'));
  const one = (name: string): Plain => ({ dict: [[name, A]] });
  fs.writeFileSync(paths.join(home, 'pytorch_model-1.bin'), torchZipFile(one('a'), { 0: VALUES }));
  fs.writeFileSync(
    paths.join(home, 'pytorch_model-2.bin'),
    torchLegacyFile(one('b'), [{ key: '0', elements: 6, bytes: VALUES }]),
  );
  const index = (map: Record<string, string>) =>
    fs.writeFileSync(
      paths.join(home, 'pytorch_model.bin.index.json'),
      JSON.stringify({ metadata: { total_size: 1 }, weight_map: map }),
    );
  index({ a: 'pytorch_model-1.bin', b: 'pytorch_model-2.bin' });
  const checkpoint = await opened(home);
  assert.equal(checkpoint.container, 'PyTorch (sharded)');
  assert.deepEqual(await valuesOf(checkpoint), { a: [1, 2, 3, 4, 5, 6], b: [1, 2, 3, 4, 5, 6] });
  assert.deepEqual(checkpoint.findings, []);
  index({ a: 'pytorch_model-1.bin', b: '../pytorch_model-2.bin' });
  const outside = await openCheckpoint(home);
  assert.equal(outside.ok ? '' : outside.problem.code, 'shard-outside-folder');
  index({ a: 'pytorch_model-1.bin', b: 'pytorch_model-3.bin' });
  const missing = await openCheckpoint(home);
  assert.equal(missing.ok ? '' : missing.problem.code, 'shard-missing');
});

/** `{state: {0: {exp_avg: …}}, param_groups: [{params: [0]}]}` */
function optimizer(more: readonly (readonly [string, Plain])[] = []): Plain {
  const keys = { raw: Buffer.concat([Buffer.from(']('), pickled(0), pickled(1), Buffer.from('e')]) };
  const group = pickled({ dict: [['params', keys], ...more] });
  const state = [0, 1].flatMap((key) => [
    pickled(key),
    pickled({
      dict: [
        [
          'exp_avg',
          { ...A, key: String(key), shape: key === 0 ? [2, 3] : [6], stride: key === 0 ? [3, 1] : [1] },
        ],
      ],
    }),
  ]);
  return {
    dict: [
      ['state', { raw: Buffer.concat([Buffer.from('}('), ...state, Buffer.from('u')]) }],
      ['param_groups', { raw: Buffer.concat([Buffer.from(']'), group, Buffer.from('a')]) }],
    ],
  };
}

test('the state of an optimizer has the names of its parameters where something says them', async () => {
  const home = fs.mkdtempSync(paths.join(folder, 'optimizer-'));
  const path = paths.join(home, 'optimizer.pt');
  const storages = { 0: VALUES, 1: VALUES };
  fs.writeFileSync(path, torchZipFile(optimizer(), storages));
  const unnamed = await opened(path);
  assert.deepEqual(Object.keys(await valuesOf(unnamed)), ['param 0.exp_avg', 'param 1.exp_avg']);
  assert.deepEqual(
    unnamed.findings.map(({ code }) => code),
    ['optimizer-unnamed'],
  );
  const names = async () => Object.keys(await valuesOf(await opened(path)));
  // A model beside it whose shapes do not fit says nothing.
  const model = (first: readonly number[]): Plain => ({
    dict: [
      ['fc.weight', { ...A, shape: first, stride: [first[1] ?? 1, 1] }],
      ['fc.bias', { ...A, key: '1', shape: [6], stride: [1] }],
    ],
  });
  fs.writeFileSync(paths.join(home, 'pytorch_model.bin'), torchZipFile(model([3, 2]), storages));
  assert.deepEqual(await names(), ['param 0.exp_avg', 'param 1.exp_avg']);
  fs.writeFileSync(paths.join(home, 'pytorch_model.bin'), torchZipFile(model([2, 3]), storages));
  assert.deepEqual(await names(), ['fc.weight.exp_avg', 'fc.bias.exp_avg']);
  fs.writeFileSync(paths.join(home, 'parameter_order.json'), '["x", "y"]');
  assert.deepEqual(await names(), ['x.exp_avg', 'y.exp_avg']);
  const own = { raw: Buffer.concat([Buffer.from(']('), pickled('p'), pickled('q'), Buffer.from('e')]) };
  fs.writeFileSync(path, torchZipFile(optimizer([['param_names', own]]), storages));
  assert.deepEqual(await names(), ['p.exp_avg', 'q.exp_avg']);
});

test('what Lightning was given to make the model is metadata', async () => {
  const made = Buffer.concat([
    global('pytorch_lightning.utilities.parsing', 'AttributeDict'),
    Buffer.from(')\x81(', 'latin1'),
    pickled('lr'),
    double(0.5),
    pickled('name'),
    pickled('tiny'),
    Buffer.from('u'),
  ]);
  const content: Plain = {
    dict: [
      ['epoch', 3],
      ['state_dict', { dict: [['model.fc.weight', A]] }],
      ['hyper_parameters', { raw: made }],
    ],
  };
  const checkpoint = await opened(write(torchZipFile(content, { 0: VALUES })));
  assert.deepEqual(Object.keys(await valuesOf(checkpoint)), ['model.fc.weight']);
  assert.deepEqual(checkpoint.metadata, {
    epoch: '3',
    'hyper_parameters.lr': '0.5',
    'hyper_parameters.name': 'tiny',
  });
});
