import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import type { LensResult, Table } from '../../src/protocol/artifact';
import type { CheckpointView } from '../../src/protocol/checkpoint';
import type { Finding } from '../../src/protocol/finding';
import { CLI, ended, run, start } from './run';

const BASE = 'samples/vit-digits/base';
const ROT90 = 'samples/vit-digits/rot90';
const INVERT = 'samples/vit-digits/invert';
const JSON_R8 = 'samples/charlm/lora/json-r8';

const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'deltalens-cli-')));
after(() => fs.rmSync(folder, { recursive: true }));

const profile = (...words: string[]) => run(['lens', 'delta-profile', '--base', BASE, ...words]);

function tableOf(stdout: string, id: string): Table {
  const result = JSON.parse(stdout) as LensResult;
  const table = result.artifacts.find((artifact) => artifact.id === id);
  assert.ok(table?.kind === 'table');
  return table;
}

function columnOf({ columns, rows }: Table, name: string) {
  const at = columns.findIndex((column) => column.name === name);
  assert.ok(at >= 0, `no column ${name}`);
  return rows.map((row) => row[at]);
}

/** A file that a lens takes seconds to read, though it takes no room: its data are a hole. */
function writeLarge(name: string): string {
  const bytes = 16 * 2 ** 30;
  const header = { w: { dtype: 'F32', shape: [bytes / 4], data_offsets: [0, bytes] } };
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const file = path.join(folder, name);
  fs.writeFileSync(file, Buffer.concat([length, json]));
  fs.truncateSync(file, 8 + json.length + bytes);
  return file;
}

test('inspect tells what is in a checkpoint, for people and for scripts', async () => {
  const text = await run(['inspect', BASE]);
  assert.equal(text.code, 0);
  assert.match(text.stdout, /203,850/);
  assert.match(text.stdout, /vit\.encoder\.layer\.5\.output\.dense\.weight +F32 +\[64, 128\]/);
  const json = await run(['inspect', BASE, '--json']);
  const view = JSON.parse(json.stdout) as CheckpointView;
  assert.deepEqual([view.kind, view.parameters, view.tensorCount], ['checkpoint', 203_850, 104]);
  assert.equal(json.stderr, '');
});

test('inspect lists the checkpoints of a training run by step, and names the lens that follows them', async () => {
  const output = path.join(folder, 'output');
  for (const step of [20, 100]) {
    const own = path.join(output, `checkpoint-${String(step)}`);
    fs.mkdirSync(own, { recursive: true });
    fs.copyFileSync(path.join(BASE, 'model.safetensors'), path.join(own, 'model.safetensors'));
    const state = { global_step: step, log_history: [{ step, loss: 100 / step }] };
    fs.writeFileSync(path.join(own, 'trainer_state.json'), JSON.stringify(state));
    for (const other of ['optimizer.pt', 'scheduler.pt', 'rng_state.pth'])
      fs.writeFileSync(path.join(own, other), '');
  }
  const { code, stdout } = await run(['inspect', output]);
  assert.equal(code, 0);
  assert.match(stdout, /checkpoint-20 +20 +5 +safetensors +203,850 .*\ncheckpoint-100 +100 +1 /);
  assert.match(stdout, /deltalens lens trajectory --base BASE --run /);
  const json = JSON.parse((await run(['inspect', output, '--json'])).stdout) as { checkpoints: unknown[] };
  assert.equal(json.checkpoints.length, 2);
});

test('inspect prints a manifest of one line per tensor', async () => {
  const { code, stdout } = await run(['inspect', BASE, '--manifest']);
  const json = await run(['inspect', BASE, '--json']);
  const { tensors } = JSON.parse(json.stdout) as { tensors: { name: string[] } };
  const lines = stdout.split('\n').filter((line) => line !== '' && !/^[#[]/.test(line));
  assert.equal(code, 0);
  assert.match(stdout, /^# checkpoint manifest: /);
  assert.deepEqual(lines.map((line) => line.split(' ')[0]).sort(), [...tensors.name].sort());
});

test('lens --json prints the result object and nothing else', async () => {
  const { code, stdout, stderr } = await profile(ROT90, '--json');
  assert.deepEqual([code, stderr], [0, '']);
  assert.deepEqual(Object.keys(JSON.parse(stdout) as object).sort(), [
    'artifacts',
    'bytesRead',
    'elapsedMs',
    'findings',
    'inputs',
    'lens',
    'parameters',
    'study',
    'version',
  ]);
  const tensors = tableOf(stdout, 'tensors');
  assert.equal(tensors.rows.length, 104);
  assert.deepEqual(new Set(columnOf(tensors, 'task')), new Set(['rot90']));
});

test('lens --csv prints the table of tensors with the same figures as --json', async () => {
  const [csv, json] = await Promise.all([profile(ROT90, '--csv'), profile(ROT90, '--json')]);
  const tensors = tableOf(json.stdout, 'tensors');
  const [header, ...rows] = csv.stdout.trimEnd().split('\r\n');
  assert.deepEqual(
    header?.split(','),
    tensors.columns.map(({ name }) => name),
  );
  const norm = tensors.columns.findIndex(({ name }) => name === 'norm');
  // No field before the norms holds a comma in this model, so splitting is enough.
  assert.deepEqual(
    rows.map((row) => Number(row.split(',')[norm])),
    columnOf(tensors, 'norm'),
  );
});

test('lens --svg and --html print complete documents', async () => {
  const svg = await profile(ROT90, '--svg');
  assert.match(svg.stdout, /^<\?xml[^]*<svg [^]*<\/svg>\s*$/);
  const html = await profile(ROT90, '--html');
  assert.match(html.stdout, /^<!doctype html>[^]*<\/html>\s*$/);
});

test('lens without a form prints text, and NAME= names a task', async () => {
  const { code, stdout } = await profile(`turned=${ROT90}`, INVERT);
  assert.equal(code, 0);
  assert.match(stdout, /turned, invert against base/);
  assert.match(stdout, /layer 5/);
});

test('lens -o writes a whole file and leaves nothing else behind', async () => {
  const file = path.join(folder, 'result.json');
  const { code, stdout } = await profile(ROT90, '--json', '-o', file);
  assert.deepEqual([code, stdout], [0, '']);
  assert.equal((JSON.parse(fs.readFileSync(file, 'utf8')) as LensResult).lens, 'delta-profile');
  assert.deepEqual(
    fs.readdirSync(folder).filter((name) => name.includes('result')),
    ['result.json'],
  );
  const nowhere = await profile(ROT90, '--json', '-o', path.join(folder, 'no', 'such', 'folder.json'));
  assert.equal(nowhere.code, 3);
});

test('lens never writes over an input', async () => {
  const home = path.join(folder, 'own');
  fs.cpSync(BASE, home, { recursive: true });
  const model = path.join(home, 'model.safetensors');
  const before = fs.readFileSync(model);
  for (const base of [home, model]) {
    const { code } = await run(['lens', 'delta-profile', '--base', base, ROT90, '--json', '-o', model]);
    assert.equal(code, 2);
  }
  assert.ok(fs.readFileSync(model).equals(before));
});

test('an adapter needs no --base where its configuration leads to it', async () => {
  const { code, stdout } = await run(['lens', 'delta-profile', JSON_R8, '--json']);
  assert.equal(code, 0);
  const { inputs } = JSON.parse(stdout) as LensResult;
  assert.deepEqual(
    inputs.map(({ name, path: file }) => [name, path.relative('', file)]),
    [
      ['base', 'samples/charlm/base'],
      ['json-r8', 'samples/charlm/lora/json-r8'],
    ],
  );
});

test('lens --study reads base and tasks from a file', async () => {
  const study = path.join(folder, 'pair.study.yaml');
  const [base, rot90, invert] = [BASE, ROT90, INVERT].map((file) => path.resolve(file));
  fs.writeFileSync(study, `name: pair\nbase: ${base}\ntasks:\n  r: ${rot90}\n  i: ${invert}\n`);
  const { code, stdout } = await run(['lens', 'task-similarity', '--study', study, '--json']);
  assert.equal(code, 0);
  const result = JSON.parse(stdout) as LensResult;
  assert.equal(result.study, 'pair');
  const pairs = tableOf(stdout, 'pairs');
  assert.deepEqual([columnOf(pairs, 'a')[0], columnOf(pairs, 'b')[0]].sort(), ['i', 'r']);
  const both = await run(['lens', 'task-similarity', '--study', study, '--base', BASE]);
  assert.equal(both.code, 2);
});

test('lenses, methods and formats list their registries', async () => {
  const lenses = JSON.parse((await run(['lenses', '--json'])).stdout) as { id: string }[];
  assert.ok(lenses.some(({ id }) => id === 'delta-profile'));
  const { stdout } = await run(['lenses']);
  for (const { id } of lenses) assert.match(stdout, new RegExp(`^${id} `, 'm'));
  assert.deepEqual(JSON.parse((await run(['methods', '--json'])).stdout), []);
  const formats = JSON.parse((await run(['formats', '--json'])).stdout) as { id: string }[];
  for (const id of ['safetensors', 'hf']) assert.ok(formats.some((format) => format.id === id));
});

test('help names every command, and the parameters of a lens with range and default', async () => {
  const help = await run(['help']);
  assert.equal(help.code, 0);
  for (const name of ['inspect', 'lens', 'lenses', 'methods', 'formats', 'lint']) {
    assert.match(help.stdout, new RegExp(`^  ${name} `, 'm'));
  }
  const lens = await run(['help', 'lens', 'delta-profile']);
  assert.match(lens.stdout, /elementwise=true\|false .*\[false\]/);
  assert.equal((await run(['lens', 'delta-profile', '--help'])).stdout, lens.stdout);
});

test('--version prints the version of the package', async () => {
  const { version } = JSON.parse(fs.readFileSync('package.json', 'utf8')) as { version: string };
  assert.deepEqual(await run(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
});

test('lint exits with 1 for an error, 0 without one, and prints findings alone with --json', async () => {
  const short = path.join(folder, 'short.safetensors');
  fs.copyFileSync(`${BASE}/model.safetensors`, short);
  fs.truncateSync(short, fs.statSync(short).size - 4);
  const broken = await run(['lint', short, '--json']);
  assert.deepEqual([broken.code, broken.stderr], [1, '']);
  const findings = JSON.parse(broken.stdout) as Finding[];
  assert.deepEqual(
    findings.map(({ code, severity, path: file }) => [code, severity, file]),
    [['file-truncated', 'error', short]],
  );
  assert.match(
    (await run(['lint', short])).stdout,
    /short\.safetensors: error: .*4 bytes short.*\[file-truncated\]/,
  );
  const fine = await run(['lint', 'samples']);
  assert.equal(fine.code, 0);
});

test('lint speaks SARIF for code hosts: rules with texts, results with places', async () => {
  const adapter = path.join(folder, 'sarif');
  fs.mkdirSync(adapter);
  fs.writeFileSync(
    path.join(adapter, 'adapter_config.json'),
    '{\n  "peft_type": "LORA",\n  "lora_alpha": 0\n}',
  );
  const ran = await run(['lint', adapter, '--sarif']);
  const log = JSON.parse(ran.stdout) as {
    version: string;
    runs: {
      tool: { driver: { rules: { id: string; help: { text: string } }[] } };
      results: {
        ruleId: string;
        ruleIndex: number;
        level: string;
        locations: {
          physicalLocation: { artifactLocation: { uri: string }; region?: { startLine: number } };
        }[];
      }[];
    }[];
  };
  assert.equal(log.version, '2.1.0');
  const [only] = log.runs;
  assert.ok(only);
  const zero = only.results.find(({ ruleId }) => ruleId === 'lora-alpha-zero');
  assert.ok(zero);
  assert.equal(only.tool.driver.rules[zero.ruleIndex]?.id, 'lora-alpha-zero');
  assert.equal(zero.level, 'warning');
  const [place] = zero.locations;
  assert.match(place?.physicalLocation.artifactLocation.uri ?? '', /sarif\/adapter_config\.json$/);
  assert.equal(place?.physicalLocation.region?.startLine, 3);
});

test('lint reports pickles that would run code, and is silent about files of others', async () => {
  const pickles = path.join(folder, 'pickles');
  fs.mkdirSync(pickles);
  fs.writeFileSync(path.join(pickles, 'a.pkl'), 'cposix\nsystem\n(S"id"\ntR.');
  fs.writeFileSync(path.join(pickles, 'b.pt'), 'a text');
  const ran = await run(['lint', pickles, '--json']);
  assert.equal(ran.code, 1);
  assert.deepEqual(
    (JSON.parse(ran.stdout) as Finding[]).map(({ code, path: file }) => [code, path.basename(file)]),
    [['pickle-runs-code', 'a.pkl']],
  );
});

const WRONG: readonly (readonly [string, readonly string[]])[] = [
  ['no command', []],
  ['an unknown command', ['frobnicate']],
  ['an unknown option', ['inspect', BASE, '--frobnicate']],
  ['a missing path', ['inspect']],
  ['an unknown lens', ['lens', 'no-lens', '--base', BASE, ROT90]],
  ['an unknown parameter', ['lens', 'delta-profile', '--base', BASE, ROT90, '--set', 'no=1']],
  [
    'a bad value of a parameter',
    ['lens', 'delta-profile', '--base', BASE, ROT90, '--set', 'elementwise=perhaps'],
  ],
  ['--set without a value', ['lens', 'delta-profile', '--base', BASE, ROT90, '--set', 'elementwise']],
  ['two forms at once', ['lens', 'delta-profile', '--base', BASE, ROT90, '--json', '--csv']],
  ['two tasks of one name', ['lens', 'delta-profile', '--base', BASE, `a=${ROT90}`, `a=${INVERT}`]],
  ['a lens without the base it needs', ['lens', 'delta-profile', ROT90]],
  [
    'an artifact that does not exist',
    ['lens', 'delta-profile', '--base', BASE, ROT90, '--csv', '--artifact', 'no'],
  ],
  ['lint of nothing', ['lint']],
  ['two forms of findings', ['lint', BASE, '--json', '--sarif']],
];

for (const [what, words] of WRONG) {
  test(`${what} is wrong use: exit code 2, and nothing but a complaint on standard error`, async () => {
    const { code, stdout, stderr } = await run(words);
    assert.equal(code, 2, stderr);
    if (words.length > 0) {
      assert.equal(stdout, '');
      assert.match(stderr, /^deltalens: .+\n.+\n$/);
    }
  });
}

test('input that is missing, refused or broken exits with 3', async () => {
  const page = path.join(folder, 'page.safetensors');
  fs.writeFileSync(page, '<!doctype html><html></html>');
  for (const words of [
    ['inspect', path.join(folder, 'missing.safetensors')],
    ['inspect', page],
    ['lens', 'summary', '--base', page],
    ['lens', 'delta-profile', '--base', BASE, path.join(folder, 'missing')],
    ['lens', 'delta-profile', '--study', path.join(folder, 'missing.study.yaml')],
    ['lint', path.join(folder, 'missing')],
  ]) {
    const { code, stdout, stderr } = await run(words);
    assert.equal(code, 3, `${words.join(' ')}: ${stderr}`);
    assert.equal(stdout, '');
  }
});

test('an interrupt cancels a running lens: exit code 130, and no result', async () => {
  const [base, tuned] = [writeLarge('base.safetensors'), writeLarge('tuned.safetensors')];
  const child = start(['lens', 'delta-profile', '--base', base, tuned, '--json']);
  const result = ended(child);
  await untilReading(child.pid ?? 0, base);
  child.kill('SIGINT');
  const { code, stdout } = await result;
  assert.deepEqual([code, stdout], [130, '']);
});

/** Resolves once the process has the file open. */
async function untilReading(pid: number, file: string): Promise<void> {
  const links = `/proc/${String(pid)}/fd`;
  if (!fs.existsSync(links)) {
    await new Promise((resolve) => setTimeout(resolve, 1500));
    return;
  }
  for (;;) {
    const open = fs.readdirSync(links).map((name) => {
      try {
        return fs.readlinkSync(path.join(links, name));
      } catch {
        return '';
      }
    });
    if (open.includes(file)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('a reader that closes the pipe early is no error', async () => {
  const child = start(['inspect', BASE, '--json']);
  child.stdout?.destroy();
  const { code, stderr } = await ended(child);
  assert.equal(stderr, '');
  assert.equal(code, 0);
});

test('the built file can be run by itself', () => {
  assert.match(fs.readFileSync(CLI, 'utf8').slice(0, 30), /^#!\/usr\/bin\/env node\n/);
  assert.ok(fs.statSync(CLI).mode & 0o100);
});

test('text from a file cannot steer the terminal', async () => {
  const name = 'layers.0.\u001b[2Jweight';
  const header = { [name]: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } };
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const file = path.join(folder, 'hostile.safetensors');
  fs.writeFileSync(file, Buffer.concat([length, json, Buffer.alloc(4)]));
  for (const words of [
    ['inspect', file],
    ['lens', 'summary', file],
  ]) {
    const { stdout } = await run(words);
    assert.match(stdout, /weight/);
    assert.ok(!stdout.includes('\u001b'));
  }
});
