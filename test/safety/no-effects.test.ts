// Opening hostile files starts no process, opens no connection, writes no file and reads none but them: the command line runs
// in a process that can do nothing else (Node's permission model), and that writes down what it tries (trap.mjs).
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { safetensorsFile, temporaryFolder, writeFiles } from '../format/files';
import { global, pickle, torchLegacyFile, torchZipFile, type Plain } from '../format/torch-files';
import { npyHead, zipFile } from '../graph/data/files';

const ROOT = paths.resolve(__dirname, '../..');
const PICKLESCAN = paths.resolve(ROOT, '../shared/realdata/mmaitre314+picklescan/tests');

/** Each would leave `owned` behind if Python loaded it. */
function hostileFolder(): string {
  const folder = temporaryFolder();
  const owned = paths.join(folder, 'owned');
  const call = (module: string, name: string, text: string): Plain => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(Buffer.byteLength(text));
    return {
      raw: Buffer.concat([
        global(module, name),
        Buffer.from('(X'),
        length,
        Buffer.from(text),
        Buffer.from('tR'),
      ]),
    };
  };
  const system = call('os', 'system', `touch ${owned}`);
  const script = call('builtins', 'exec', `open(${JSON.stringify(owned)}, 'w')`);
  const head = npyHead("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }");
  writeFiles(folder, {
    'a.pkl': pickle(system),
    'b.pt': torchZipFile(script, {}),
    'c.bin': torchLegacyFile(system, []),
    'd.npy': Buffer.concat([head, pickle(script)]),
    'e.zip': zipFile([{ name: 'x', content: pickle(system), method: 8 }]),
    'f.safetensors': safetensorsFile(
      { 'x\u001b]0;owned\u0007': { dtype: 'U8', shape: [1], data_offsets: [0, 1] } },
      1,
    ),
    'model.safetensors.index.json':
      '{"weight_map":{"a":"../../../../etc/passwd","b":"http://127.0.0.1:9/x"}}',
    'x/adapter_config.json': '{"peft_type":"LORA","base_model_name_or_path":"/etc","r":8}',
    'x/a.study.yaml': 'base: /etc\ntasks:\n  a: http://127.0.0.1:9/a\n  b: !!js/function "x"\n',
  });
  if (fs.existsSync(PICKLESCAN)) fs.cpSync(PICKLESCAN, paths.join(folder, 'picklescan'), { recursive: true });
  return folder;
}

/** Runs the command line shut in; what it tried to do. */
function tried(folder: string, words: readonly string[]): { trapped: readonly string[]; text: string } {
  const trap = pathToFileURL(paths.join(__dirname, 'trap.mjs')).href;
  const readable = [paths.join(ROOT, '*'), paths.join(folder, '*')];
  const shut = [
    '--experimental-permission',
    ...readable.map((path) => `--allow-fs-read=${path}`),
    '--allow-worker',
    '--no-warnings',
  ];
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [...shut, '--import', trap, paths.join(ROOT, 'dist/cli.js'), ...words],
    { cwd: folder, encoding: 'utf8', timeout: 120_000 },
  );
  // A line of the process, and one of each of its threads.
  const lines = [...stderr.matchAll(/^TRAPPED (.*)$/gm)].map(([, line = '']) => JSON.parse(line) as string[]);
  return { trapped: lines.length === 0 ? ['it did not end'] : lines.flat(), text: stdout + stderr };
}

test('opening and checking hostile files does nothing but read them', () => {
  const folder = hostileFolder();
  const before = fs.readdirSync(folder, { recursive: true }).sort();
  const linted = tried(folder, ['lint', folder]);
  assert.deepEqual(linted.trapped, [], linted.text.slice(-2000));
  assert.match(linted.text, /pickle-runs-code/);
  for (const name of ['a.pkl', 'b.pt', 'd.npy', 'e.zip', 'f.safetensors']) {
    const { trapped, text } = tried(folder, ['inspect', paths.join(folder, name)]);
    assert.deepEqual(trapped, [], `${name}: ${text.slice(-2000)}`);
    assert.match(text, name.startsWith('f') ? /x\\x1b\]0;owned/ : /pickle-runs-code|would run/, name);
    // eslint-disable-next-line no-control-regex
    assert.ok(!/[\u001b\u0007]/.test(text), name);
  }
  assert.deepEqual(fs.readdirSync(folder, { recursive: true }).sort(), before, 'a file came or went');
});

test('the trap holds: what tries to reach out is written down', () => {
  const folder = temporaryFolder();
  const script = paths.join(folder, 'reach.cjs');
  fs.writeFileSync(
    script,
    "for (const f of [() => require('child_process').spawnSync('id'), () => require('fs').writeFileSync('x', ''), () => require('net').connect(9)]) try { f(); } catch {}",
  );
  const trap = pathToFileURL(paths.join(__dirname, 'trap.mjs')).href;
  const { stderr } = spawnSync(process.execPath, ['--import', trap, script], {
    cwd: folder,
    encoding: 'utf8',
  });
  assert.match(stderr, /TRAPPED \["child_process\.spawnSync","fs\.writeFileSync","net\.connect"\]/);
  assert.ok(!fs.existsSync(paths.join(folder, 'x')));
});
