// Pickles that run code, in every wrapping under which scanners were got round: CVE-2025-32434, CVE-2025-10155 (wrong ending),
// CVE-2025-10156 (broken checksum), CVE-2025-10157 (names of submodules), and what picklescan keeps.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import { openCheckpoint } from '../../src/format/registry';
import { temporaryFolder } from '../format/files';
import { global, pickle, torchLegacyFile, torchZipFile, type Plain } from '../format/torch-files';
import { npyHead, zipFile } from '../graph/data/files';

const folder = temporaryFolder();
const PICKLESCAN = paths.resolve(__dirname, '../../../shared/realdata/mmaitre314+picklescan/tests');

/** Would run `module.name('id')` in Python. */
function calling(module: string, name: string): Plain {
  return { raw: Buffer.concat([global(module, name), Buffer.from('(X\x02\0\0\0idtR', 'latin1')]) };
}

async function codesOf(name: string, content: Buffer): Promise<readonly string[]> {
  const path = paths.join(folder, name);
  fs.writeFileSync(path, content);
  const opened = await openCheckpoint(path);
  return opened.ok ? opened.value.findings.map(({ code }) => code) : [opened.problem.code];
}

test('code in a pickle is reported whatever the file is called', async () => {
  for (const name of ['a.pkl', 'a.pt', 'a.bin', 'a.txt', 'a.jpg', 'a', 'a.safetensors', 'a.PT']) {
    assert.deepEqual(await codesOf(name, pickle(calling('os', 'system'))), ['pickle-runs-code'], name);
  }
});

test('code in a pickle is reported in every container, whatever flags and checksums claim', async () => {
  const content = pickle(calling('os', 'system'));
  const head = npyHead("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }");
  const member = { name: 'archive/data.pkl', content };
  const wrapped: Readonly<Record<string, Buffer>> = {
    'zip.pt': torchZipFile(calling('os', 'system'), {}),
    'legacy.pt': torchLegacyFile(calling('os', 'system'), []),
    'crc.pt': zipFile([{ ...member, claims: { crc: 1 } }]),
    'strange-name.zip': zipFile([{ name: 'readme.txt', content }]),
    'packed.zip': zipFile([{ name: 'x', content, method: 8 }]),
    'encrypted-flag.zip': zipFile([{ name: 'config.pkl', content, claims: { flags: 1 } }]),
    'nested.zip': zipFile([{ name: 'inner.zip', content: zipFile([member]) }]),
    'array.npy': Buffer.concat([head, content]),
    'array.npz': zipFile([{ name: 'x.npy', content: Buffer.concat([head, content]), method: 8 }]),
    'second.pkl': Buffer.concat([pickle({ dict: [] }), content]),
    'broken-behind.pkl': Buffer.concat([content.subarray(0, -1), Buffer.from([0xff, 0xff])]),
  };
  for (const [name, bytes] of Object.entries(wrapped)) {
    assert.ok((await codesOf(name, bytes)).includes('pickle-runs-code'), name);
  }
});

test('modules behind which scanners looked past are known: submodules, indirect calls, parts of torch', async () => {
  const names = [
    'os.system',
    'posix.system',
    'nt.system',
    'builtins.eval',
    'builtins.getattr',
    'subprocess.Popen',
    'asyncio.unix_events._UnixSubprocessTransport._start',
    'idlelib.pyshell.ModifiedInterpreter.runcommand',
    'torch.jit.unsupported_tensor_ops.execWrapper',
    'torch.utils._config_module.load_config',
    'numpy.testing._private.utils.runstring',
    'operator.methodcaller',
    'functools.partial',
    'importlib.import_module',
    'pip._internal.main',
    'cProfile.run',
    'ctypes.CDLL',
    'socket.create_connection',
    'urllib.request.urlopen',
  ];
  for (const name of names) {
    const dot = name.lastIndexOf('.');
    const codes = await codesOf('a.pkl', pickle(calling(name.slice(0, dot), name.slice(dot + 1))));
    assert.deepEqual(codes, ['pickle-runs-code'], name);
  }
});

const BENIGN = /^(?:benign|not_a_pickle|new_pytorch_model|pytorch_model|int_array|object_array)/;
/** Neither archive nor pickle, or of a kind that nothing here unpacks: refused as no checkpoint. */
const REFUSED = ['bad_pytorch.pt', 'malicious1.7z'];
const skip = fs.existsSync(PICKLESCAN) ? false : 'the samples of picklescan are not here';

test('every sample that picklescan keeps is reported, and no harmless one', { skip }, async () => {
  const found = fs
    .readdirSync(PICKLESCAN, { recursive: true, encoding: 'utf8' })
    .filter((name) => fs.statSync(paths.join(PICKLESCAN, name)).isFile());
  assert.ok(found.length > 100);
  const wrong: string[] = [];
  for (const name of found) {
    const opened = await openCheckpoint(paths.join(PICKLESCAN, name));
    const codes = opened.ok ? opened.value.findings.map(({ code }) => code) : [opened.problem.code];
    const isReported = codes.some((code) => ['pickle-runs-code', 'pickle-unknown-object'].includes(code));
    const isHarmless = BENIGN.test(paths.basename(name)) || REFUSED.includes(paths.basename(name));
    if (isReported === isHarmless) wrong.push(`${name}: ${codes.join(' ')}`);
  }
  assert.deepEqual(wrong, []);
});
