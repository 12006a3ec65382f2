import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { Checkpoint } from '../../src/format/checkpoint';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { decode } from '../../src/tensor/decode';
import { KINDS, npyFile, npyHead, placeOf, zipFile, type Kind, type ZipMember } from '../graph/data/files';
import { temporaryFolder, writeFiles } from './files';

const folder = temporaryFolder();
const REAL = paths.resolve(__dirname, '../../../shared/realdata');
const skip = fs.existsSync(REAL) ? false : 'no collection of real files here';

function write(name: string, content: Buffer): string {
  writeFiles(folder, { [name]: content });
  return paths.join(folder, name);
}

async function opened(path: string): Promise<Checkpoint> {
  const checkpoint = await openCheckpoint(path);
  assert.ok(checkpoint.ok, checkpoint.ok ? '' : checkpoint.problem.message);
  return checkpoint.value;
}

async function codeOf(path: string): Promise<string> {
  const checkpoint = await openCheckpoint(path);
  return checkpoint.ok ? 'opened' : checkpoint.problem.code;
}

/** All values of a tensor, as the rest of the program sees them. */
async function valuesOf(checkpoint: Checkpoint, name: string): Promise<number[]> {
  const span = checkpoint.tensors.find((tensor) => tensor.name === name)?.span;
  assert.ok(span, `there is a tensor ${name}`);
  const bytes = await readSpan(span);
  assert.ok(bytes.ok, bytes.ok ? '' : bytes.problem.message);
  return [...decode(span.dtype, bytes.value, span.count)];
}

/** The `descr` of NumPy by the name of the element type. */
const DTYPES: Readonly<Record<Kind, string>> = {
  b1: 'BOOL',
  i1: 'I8',
  i2: 'I16',
  i4: 'I32',
  i8: 'I64',
  u1: 'U8',
  u2: 'U16',
  u4: 'U32',
  u8: 'U64',
  f4: 'F32',
  f8: 'F64',
};

const valueAt = (kind: Kind) => (place: readonly number[]) => {
  const mixed = place.reduce((sum, index) => sum * 7 + index + 1, 3) % 127;
  return kind === 'b1' ? mixed % 2 : mixed;
};

const anArray = fc.record({
  kind: fc.constantFrom(...(Object.keys(KINDS) as Kind[])),
  shape: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }),
  fortran: fc.boolean(),
  big: fc.boolean(),
  version: fc.constantFrom(1 as const, 2 as const, 3 as const),
});

const member = (name: string, content: Buffer, rest: Partial<ZipMember> = {}) => ({ name, content, ...rest });
const counted = npyFile({ kind: 'f4', shape: [4, 3], value: ([i = 0, j = 0]) => 10 * i + j });

suite('NumPy arrays as checkpoints', () => {
  test('an array of any type, order of bytes and order of axes has the values that were written', async () => {
    await fc.assert(
      fc.asyncProperty(anArray, fc.constantFrom('npy', 'stored', 'deflated'), async (how, container) => {
        const value = valueAt(how.kind);
        const array = npyFile({ ...how, value });
        const path =
          container === 'npy'
            ? write('one.npy', array)
            : write(
                'one.npz',
                zipFile([member('one.npy', array, { method: container === 'stored' ? 0 : 8 })]),
              );
        const checkpoint = await opened(path);
        assert.deepEqual(checkpoint.findings, []);
        const span = checkpoint.tensors[0]?.span;
        assert.deepEqual([span?.dtype, span?.shape], [DTYPES[how.kind], how.shape]);
        const expected = Array.from({ length: span?.count ?? 0 }, (_, i) => value(placeOf(i, how.shape)));
        assert.deepEqual(await valuesOf(checkpoint, 'one'), expected);
      }),
      { numRuns: 120 },
    );
  });

  test('float8 and bfloat16 of ml_dtypes are read where NumPy says which they are', async () => {
    const array = (descr: string, bytes: readonly number[]) =>
      Buffer.concat([
        npyHead(`{'descr': '${descr}', 'fortran_order': False, 'shape': (2,), }`),
        Buffer.from(bytes),
      ]);
    // np.save of np.array([1.5, -2], ml_dtypes.bfloat16), and of float8_e5m2.
    const brain = await opened(write('brain.npy', array('<V2', [0xc0, 0x3f, 0x00, 0xc0])));
    assert.deepEqual(await valuesOf(brain, 'brain'), [1.5, -2]);
    const eight = await opened(write('eight.npy', array('<f1', [0x3e, 0xc0])));
    assert.deepEqual(await valuesOf(eight, 'eight'), [1.5, -2]);
    // Two bytes without a type may be anything, and so may one.
    for (const [descr, bytes] of [
      ['|V2', [0xc0, 0x3f, 0, 0xc0]],
      ['<V1', [0x3c, 0x3e]],
    ] as const) {
      const bare = await opened(write('bare.npy', array(descr, bytes)));
      assert.deepEqual(
        bare.findings.map(({ code }) => code),
        ['array-left-out', 'no-tensors'],
      );
    }
  });

  test('complex numbers of both orders of bytes keep real before imaginary', async () => {
    const bytes = Buffer.alloc(16);
    [1, 2, 3, 4].forEach((x, i) => bytes.writeFloatBE(x, 4 * i));
    const head = npyHead("{'descr': '>c8', 'fortran_order': False, 'shape': (2,), }");
    const checkpoint = await opened(write('c.npy', Buffer.concat([head, bytes])));
    const span = checkpoint.tensors[0]?.span;
    assert.ok(span);
    const read = await readSpan(span);
    assert.ok(read.ok);
    assert.deepEqual([...new Float32Array(read.value.buffer)], [1, 2, 3, 4]);
  });

  test('a file that breaks off says how much is missing', async () => {
    const path = write('short.npy', counted.subarray(0, counted.length - 5));
    const short = await openCheckpoint(path);
    assert.ok(!short.ok);
    assert.equal(short.problem.code, 'file-truncated');
    assert.match(short.problem.message, /5 bytes short/);
    assert.equal(await codeOf(write('half.npy', counted.subarray(0, 60))), 'file-truncated');
    assert.equal(await codeOf(write('text.npy', Buffer.from('these are no numbers'))), 'array-malformed');
    const more = await opened(write('more.npy', Buffer.concat([counted, counted])));
    assert.deepEqual(
      more.findings.map(({ code }) => code),
      ['array-trailing-bytes'],
    );
  });

  test('an archive shows every array that can be read, and names the others', async () => {
    const texts = npyHead("{'descr': '<U4', 'fortran_order': False, 'shape': (0,), }");
    const short = counted.subarray(0, counted.length - 3);
    const path = write(
      'mixed.npz',
      zipFile([
        member('layers.0.weight.npy', counted),
        member('layers.1.weight.npy', counted, { method: 8 }),
        member('names.npy', texts),
        member('torn.npy', short),
        member('locked.npy', counted, { claims: { flags: 1 } }),
        member('shrunk.npy', counted, { method: 14 }),
        member('notes.txt', Buffer.from('hello')),
      ]),
    );
    const checkpoint = await opened(path);
    assert.deepEqual(
      checkpoint.tensors.map(({ name }) => name),
      ['layers.0.weight', 'layers.1.weight'],
    );
    assert.deepEqual(
      checkpoint.findings.map(({ code, at }) => `${code} ${at ?? ''}`),
      [
        'array-left-out names',
        'array-malformed torn',
        'array-left-out locked',
        'array-left-out shrunk',
        'zip-other-files notes.txt',
      ],
    );
    assert.deepEqual(
      await valuesOf(checkpoint, 'layers.0.weight'),
      await valuesOf(checkpoint, 'layers.1.weight'),
    );
  });

  test('a wrong checksum is a finding, and packed bytes that have one are not read', async () => {
    const content = [
      member('stored.npy', counted, { claims: { crc: 1 } }),
      member('packed.npy', counted, { method: 8, claims: { crc: 1 } }),
    ];
    const checkpoint = await opened(write('crc.npz', zipFile(content)));
    assert.deepEqual(
      checkpoint.findings.map(({ code, at }) => `${code} ${at ?? ''}`),
      ['zip-crc stored', 'zip-crc packed'],
    );
    const packed = checkpoint.tensors[1]?.span;
    assert.ok(packed);
    const read = await readSpan(packed);
    assert.equal(read.ok ? 'read' : read.problem.code, 'packed-malformed');
  });

  test('an array that claims to unpack to far more than it holds is left out before it is unpacked', async () => {
    const shape = [2 ** 14, 2 ** 14];
    const head = npyHead(`{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')}), }`);
    const packed = deflateRawSync(Buffer.concat([head, Buffer.alloc(2 ** 22)]), { level: 9 });
    const bytes = head.length + 4 * 2 ** 28;
    // The ratio that deflate can reach at most bounds what the directory takes at all.
    const lying = zipFile([member('bomb.npy', packed, { claims: { bytes } })]);
    setMethod(lying, 8);
    assert.equal(await codeOf(write('impossible.npz', lying)), 'zip-malformed');
    const filled = Buffer.concat([packed, Buffer.alloc(2 ** 21)]);
    const large = zipFile([member('bomb.npy', filled, { claims: { bytes } })]);
    setMethod(large, 8);
    const checkpoint = await opened(write('bomb.npz', large));
    assert.deepEqual(checkpoint.tensors, []);
    assert.deepEqual(
      checkpoint.findings.map(({ code }) => code),
      ['zip-bomb', 'no-tensors'],
    );
  });

  test('an entry that unpacks to more than it claims is not read beyond its claim', async () => {
    const whole = npyFile({ kind: 'f4', shape: [100], value: ([i = 0]) => i });
    const packed = deflateRawSync(Buffer.concat([whole, Buffer.alloc(2 ** 22)]));
    const lying = zipFile([member('a.npy', packed, { claims: { bytes: whole.length } })]);
    setMethod(lying, 8);
    const checkpoint = await opened(write('more.npz', lying));
    assert.deepEqual(
      checkpoint.findings.map(({ code }) => code),
      ['array-malformed'],
    );
    const span = checkpoint.tensors[0]?.span;
    assert.ok(span);
    assert.equal((await readSpan(span)).ok, false);
  });

  test('whatever is changed in a valid file, opening it answers and never throws', async () => {
    const valid = [
      npyFile({ kind: 'i2', shape: [3, 4], value: ([i = 0]) => i, fortran: true, big: true }),
      zipFile([member('a.npy', counted), member('b/c.npy', counted, { method: 8 })]),
    ];
    const edits = fc.array(fc.record({ at: fc.nat(), byte: fc.nat(255) }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...valid), edits, fc.nat(40), async (file, changes, cut) => {
        const changed = Buffer.from(file.subarray(0, cut > 30 ? file.length - cut : file.length));
        for (const { at, byte } of changes) changed[at % changed.length] = byte;
        const checkpoint = await openCheckpoint(write('mutated.npz', changed));
        if (!checkpoint.ok) return;
        for (const { span } of checkpoint.value.tensors) {
          assert.ok(span.bytes <= 1032 * changed.length);
          await readSpan(span);
        }
      }),
      { numRuns: 120 },
    );
  });
});

/** Sets the method in both headers of an archive of one entry, whose content is packed already. */
function setMethod(archive: Buffer, method: number): void {
  archive.writeUInt16LE(method, 8);
  archive.writeUInt16LE(method, archive.lastIndexOf('PK\x01\x02', archive.length, 'latin1') + 10);
}

suite('NumPy files of other projects', () => {
  test('arrays of libnpy and npyjs count as they were written', { skip }, async () => {
    const libnpy = paths.join(REAL, 'matajoh+libnpy/assets/test');
    for (const name of [
      'int8',
      'uint16',
      'int32',
      'int32_big',
      'uint8_fortran',
      'int64',
      'float32',
      'float64',
    ]) {
      const checkpoint = await opened(paths.join(libnpy, `${name}.npy`));
      assert.deepEqual(
        await valuesOf(checkpoint, name),
        Array.from({ length: 50 }, (_, i) => i),
        name,
      );
    }
    const [packed, plain] = await Promise.all(
      ['test_compressed.npz', 'test.npz'].map((name) => opened(paths.join(libnpy, name))),
    );
    assert.ok(packed && plain);
    for (const { name } of plain.tensors) {
      assert.deepEqual(await valuesOf(packed, name), await valuesOf(plain, name));
    }
    const npyjs = paths.join(REAL, 'aplbrain+npyjs/test/data');
    const [half, single, double] = await Promise.all(
      ['float16', 'float32', 'float64'].map((name) => opened(paths.join(npyjs, `65x65-${name}.npy`))),
    );
    assert.ok(half && single && double);
    assert.equal(half.tensors[0]?.span.count, 65 * 65);
    assert.equal(double.tensors[0]?.span.dtype, 'F64');
  });

  test('pickled arrays of NumPy and exploits are named, and what they would call', { skip }, async () => {
    const cases: readonly [string, RegExp][] = [
      ['numpy+numpy/numpy/lib/tests/data/py3-objarr.npz', /array-pickled/],
      ['numpy+numpy/numpy/lib/tests/data/py2-objarr.npy', /pickle-runs-code.*xrange/],
      [
        'mmaitre314+picklescan/tests/data2/dns_exfiltration.npy',
        /pickle-runs-code.*ssl\.get_server_certificate/,
      ],
      ['mmaitre314+picklescan/tests/data2/object_arrays_compressed.npz', /array-pickled/],
    ];
    for (const [name, expected] of cases) {
      const checkpoint = await opened(paths.join(REAL, name));
      assert.deepEqual(checkpoint.tensors, []);
      assert.match(checkpoint.findings.map(({ code, message }) => `${code} ${message}`).join(' '), expected);
    }
  });

  test('a soft prompt of T5 is one matrix', { skip }, async () => {
    const prompts = 'google-research+prompt-tuning/prompt_tuning/pretrained_prompts/t5_1_1_lm100k_base';
    const checkpoint = await opened(paths.join(REAL, prompts, 'sst2.npy'));
    assert.deepEqual(
      checkpoint.tensors.map(({ name, span }) => [name, span.dtype, span.shape]),
      [['sst2', 'F32', [100, 768]]],
    );
  });
});
