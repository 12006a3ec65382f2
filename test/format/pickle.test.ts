import assert from 'node:assert/strict';
import { test } from 'node:test';
import { globalFindings } from '../../src/format/pickle-globals';
import { PickledObject, readPickle, scanPickles, type Pickled } from '../../src/format/pickle';

/**
 * `pickle.dumps(v, protocol)` of Python 3.11 with v = {'a': [1, -2, 2.5, None, True, (1, 2), 300, 70000, -2**40], 'b': 'é',
 * 'c': b'xy', 'd': OrderedDict([('k', [])]), 't': ((), (1,), (1, 2, 3))}.
 */
const BY_PROTOCOL: Readonly<Record<number, string>> = {
  3:
    '80037d71002858010000006171015d7102284b014afeffffff4740040000000000004e884b014b028671034d2c014a701101' +
    '008a060000000000ff6558010000006271045802000000c3a971055801000000637106430278797107580100000064710863' +
    '636f6c6c656374696f6e730a4f726465726564446963740a71092952710a58010000006b710b5d710c73580100000074710d' +
    '294b0185710e4b014b024b0387710f877110752e',
  4:
    '80049586000000000000007d94288c0161945d94284b014afeffffff4740040000000000004e884b014b0286944d2c014a70' +
    '1101008a060000000000ff658c0162948c02c3a9948c01639443027879948c0164948c0b636f6c6c656374696f6e73948c0b' +
    '4f726465726564446963749493942952948c016b945d94738c017494294b0185944b014b024b0387948794752e',
  5:
    '80059586000000000000007d94288c0161945d94284b014afeffffff4740040000000000004e884b014b0286944d2c014a70' +
    '1101008a060000000000ff658c0162948c02c3a9948c01639443027879948c0164948c0b636f6c6c656374696f6e73948c0b' +
    '4f726465726564446963749493942952948c016b945d94738c017494294b0185944b014b024b0387948794752e',
};

/** `pickle.dumps([E(), 1])` where unpickling E() runs `touch /tmp/owned`. */
const HOSTILE = [
  '80025d71002863706f7369780a73797374656d0a71015810000000746f756368202f746d702f6f776e656471028571035271044b01652e',
  '80049531000000000000005d94288c05706f736978948c0673797374656d9493948c10746f756368202f746d702f6f776e656494859452944b01652e',
];

function read(hex: string): Pickled {
  const result = readPickle(Uint8Array.from(Buffer.from(hex, 'hex')), 'x.pkl');
  assert.ok(result.ok, result.ok ? '' : result.problem.message);
  return result.value;
}

test('what Python pickles is read in every protocol since 3', () => {
  for (const [protocol, hex] of Object.entries(BY_PROTOCOL)) {
    assert.deepEqual(
      read(hex),
      new Map<Pickled, Pickled>([
        ['a', [1, -2, 2.5, null, true, [1, 2], 300, 70_000, -(2 ** 40)]],
        ['b', 'é'],
        ['c', new Uint8Array([120, 121])],
        ['d', new Map([['k', []]])],
        ['t', [[], [1], [1, 2, 3]]],
      ]),
      protocol,
    );
  }
});

test('what would be called stays a name', () => {
  const call = new PickledObject('posix.system', ['touch /tmp/owned']);
  for (const hex of HOSTILE) assert.deepEqual(read(hex), [call, 1]);
});

test('a pickle that breaks off or is changed anywhere gives a problem or other values, never an exception', () => {
  for (const hex of [...Object.values(BY_PROTOCOL), ...HOSTILE]) {
    const bytes = Buffer.from(hex, 'hex');
    for (let at = 0; at < bytes.length; at++) {
      assert.ok(!readPickle(bytes.subarray(0, at), 'x.pkl').ok);
      for (const change of [1, 0x40, 0x80, 0xff]) {
        const changed = Uint8Array.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ change;
        const result = readPickle(changed, 'x.pkl');
        if (!result.ok) assert.equal(result.problem.code, 'pickle-malformed');
      }
    }
  }
});

test('a length beyond the file is refused before anything is allocated', () => {
  for (const hex of ['80058d00000000000000ff', '80028bffffffff', '80035803000080', '80028b00000010']) {
    assert.ok(!readPickle(Buffer.from(hex, 'hex'), 'x.pkl').ok, hex);
  }
});

test('a long list that is handed to a call again and again is refused', () => {
  // q0: a list of 20 000 times None; then 20 000 times `OrderedDict(list)`.
  const parts = [
    'ccollections\nOrderedDict\nq\x01](',
    'N'.repeat(20_000),
    'e\x85q\0',
    'h\x01h\0R0'.repeat(20_000),
    'N.',
  ];
  const read = readPickle(Buffer.from(parts.join(''), 'latin1'), 'x.pkl');
  assert.match(read.ok ? '' : read.problem.message, /too many instructions/);
});

test('more names than a call takes arguments are all found', () => {
  const names = Array.from({ length: 200_000 }, (_, index) => `ca\nb${String(index)}\n0`);
  const { globals, pickles } = scanPickles(Buffer.from(`${names.join('')}N.`, 'latin1'));
  assert.deepEqual([globals.length, pickles], [200_000, 1]);
});

test('of very many names the worst are found, and the others counted', () => {
  const globals = Array.from({ length: 150 }, (_, at) => ({
    name: at === 149 ? 'posix.system' : `made.up${String(at)}`,
    at,
    called: false,
  }));
  const findings = globalFindings('x.pt', globals, 0);
  assert.equal(findings.length, 101);
  assert.equal(findings[0]?.code, 'pickle-runs-code');
  assert.match(findings.at(-1)?.message ?? '', /names 50 more classes or functions/);
});

test('millions of empty lists are refused instead of made', () => {
  const bytes = Buffer.concat([Buffer.from('8002', 'hex'), Buffer.alloc(5_000_000, ']'), Buffer.from('.')]);
  const result = readPickle(bytes, 'x.pkl');
  assert.equal(result.ok ? 'ok' : result.problem.code, 'pickle-malformed');
});
