import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as paths from 'node:path';
import { after, afterEach, before, beforeEach, suite, test } from 'node:test';
import { fetchingPasses } from '../../src/format/hub/fetch-spans';
import { missingRuns } from '../../src/format/hub/mirror-file';
import { makeRoom } from '../../src/format/hub/room';
import { hubSettings } from '../../src/format/hub/settings';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { hubAddressFrom, parseHubAddress } from '../../src/protocol/hub-address';
import { success } from '../../src/protocol/result';
import { MIRROR_BLOCK } from '../../src/tensor/mirrored';
import { OpenFiles } from '../../src/tensor/open-files';
import type { PassRunner } from '../../src/tensor/pass';
import { safetensorsFile } from './files';
import { COMMIT, startHub, TOKEN, type HubServer } from './hub-server';

const root = fs.mkdtempSync(paths.join(os.tmpdir(), 'deltalens-hub-test-'));
let hub: HubServer;
let caches = 0;

/** Two tensors of `megabytes` and of 8 bytes; every byte of the first says where it is. */
function model(megabytes: number): Buffer {
  const large = megabytes * 2 ** 20;
  const data = Buffer.alloc(large + 8);
  for (let at = 0; at < large; at += 4) data.writeUInt32LE(at, at);
  data.fill(7, large);
  return safetensorsFile(
    {
      large: { dtype: 'U8', shape: [large], data_offsets: [0, large] },
      small: { dtype: 'U8', shape: [8], data_offsets: [large, large + 8] },
    },
    data,
  );
}

before(async () => {
  hub = await startHub();
  hub.models.set(
    'me/whole',
    new Map([
      ['README.md', Buffer.from('# hello')],
      ['config.json', Buffer.from('{"model_type":"llama"}')],
      ['model.safetensors', model(4)],
    ]),
  );
  hub.models.set('me/gated', new Map([['model.safetensors', model(1)]]));
  const shard = (name: string) =>
    safetensorsFile({ [name]: { dtype: 'U8', shape: [8192], data_offsets: [0, 8192] } }, 8192);
  hub.models.set(
    'me/sharded',
    new Map([
      [
        'model.safetensors.index.json',
        Buffer.from(
          JSON.stringify({
            weight_map: { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' },
          }),
        ),
      ],
      ['model-00001-of-00002.safetensors', shard('a')],
      ['model-00002-of-00002.safetensors', shard('b')],
    ]),
  );
  hub.models.set('me/none', new Map([['a.txt', Buffer.from('x')]]));
  hub.models.set(
    'me/sub',
    new Map([
      ['vae/model.safetensors', model(1)],
      ['vae/config.json', Buffer.from('{}')],
    ]),
  );
});
after(async () => {
  await hub.close();
  fs.rmSync(root, { recursive: true });
});
beforeEach(() => {
  hub.asked.length = 0;
  hub.sent = 0;
  process.env['HF_ENDPOINT'] = hub.endpoint;
  process.env['DELTALENS_HUB_CACHE'] = paths.join(root, String(caches++));
  process.env['HF_TOKEN_PATH'] = paths.join(root, 'no-token');
  delete process.env['HF_TOKEN'];
});
afterEach(() => {
  for (const key of Object.keys(hub.faults)) delete hub.faults[key as keyof HubServer['faults']];
});

async function open(address: string) {
  const opened = await openCheckpoint(address);
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  return opened.value;
}

async function codeOf(address: string): Promise<string> {
  const opened = await openCheckpoint(address);
  return opened.ok ? 'opened' : opened.problem.code;
}

function spanOf(checkpoint: Awaited<ReturnType<typeof open>>, name: string) {
  const span = checkpoint.tensors.find((entry) => entry.name === name)?.span;
  assert.ok(span);
  return span;
}

suite('Models of the Hub', () => {
  test('addresses name a model, a revision and a file, and nothing that leads elsewhere', () => {
    const read = (text: string) => {
      const parsed = parseHubAddress(text);
      return parsed.ok ? parsed.value : parsed.problem.code;
    };
    assert.deepEqual(read('hf://me/model'), { repository: 'me/model', revision: 'main', file: null });
    assert.deepEqual(read('hf://me/model@v1.0/a/b.safetensors'), {
      repository: 'me/model',
      revision: 'v1.0',
      file: 'a/b.safetensors',
    });
    assert.deepEqual(read('hf://me/model@refs%2Fpr%2F1'), {
      repository: 'me/model',
      revision: 'refs/pr/1',
      file: null,
    });
    for (const bad of [
      'hf://',
      'hf://me',
      'hf://me/..',
      'hf://me/m/../x',
      'hf://me/m//x',
      'hf://me/m@',
      'hf://me/m@a@b',
      'hf://me/m/a\\b',
      'hf://datasets/me/d',
      'hf://m e/x',
      'hf://me/m@..',
      'https://huggingface.co/me/m',
      'hf://me/m@%',
    ])
      assert.equal(read(bad), 'hub-address', bad);
  });

  test('names and addresses of pages are taken for what they mean', () => {
    for (const [text, address] of [
      ['me/model', 'hf://me/model'],
      [' me/model@v1/a.safetensors ', 'hf://me/model@v1/a.safetensors'],
      ['https://huggingface.co/me/model', 'hf://me/model'],
      ['https://huggingface.co/me/model/tree/main', 'hf://me/model@main'],
      ['https://huggingface.co/me/model/blob/v1/a/b.safetensors?x=1', 'hf://me/model@v1/a/b.safetensors'],
      ['hf://me/model', 'hf://me/model'],
      ['file:///etc/passwd', 'file:///etc/passwd'],
    ] as const)
      assert.equal(hubAddressFrom(text), address);
  });

  test('opening fetches the configuration and headers alone', async () => {
    const checkpoint = await open('hf://me/whole');
    assert.equal(checkpoint.path, 'hf://me/whole');
    assert.deepEqual(
      checkpoint.tensors.map(({ name, span }) => [name, span.bytes]),
      [
        ['large', 4 * 2 ** 20],
        ['small', 8],
      ],
    );
    assert.ok(fs.existsSync(paths.join(paths.dirname(checkpoint.files[0]?.path ?? ''), 'config.json')));
    assert.ok(hub.sent > 0 && hub.sent <= MIRROR_BLOCK, `${String(hub.sent)} bytes came`);
    assert.ok(!hub.asked.some(({ path }) => path.includes('README')));
  });

  test('values come in the blocks that hold them, once', async () => {
    const span = spanOf(await open('hf://me/whole'), 'large');
    hub.sent = 0;
    const read = await readSpan({
      ...span,
      offset: span.offset + 3 * 2 ** 20,
      bytes: 8,
      shape: [8],
      count: 8,
    });
    assert.ok(read.ok);
    assert.deepEqual([...new Uint32Array(read.value.buffer)], [3 * 2 ** 20, 3 * 2 ** 20 + 4]);
    assert.equal(hub.sent, MIRROR_BLOCK);
    const again = await readSpan({
      ...span,
      offset: span.offset + 3 * 2 ** 20,
      bytes: 8,
      shape: [8],
      count: 8,
    });
    assert.ok(again.ok && hub.sent === MIRROR_BLOCK);
    // Another process finds them, too; opening again is free but for asking which commit it is.
    const opened = await open('hf://me/whole');
    assert.equal(hub.sent, MIRROR_BLOCK);
    assert.equal(opened.fingerprint, (await open('hf://me/whole')).fingerprint);
  });

  test('what has not come is never read as zeros: workers refuse it', async () => {
    const span = spanOf(await open('hf://me/whole'), 'small');
    const files = new OpenFiles();
    const target = new Uint8Array(8);
    assert.equal(files.read(span, 0, target)?.code, 'hub-copy');
    const read = await readSpan(span);
    assert.ok(read.ok);
    assert.equal(files.read(span, 0, target), null);
    assert.deepEqual([...target], new Array(8).fill(7));
    files.close();
  });

  test('a pass gets what it reads before it runs, with progress, and nothing where all is here', async () => {
    const { tensors } = await open('hf://me/whole');
    const told: [number, number][] = [];
    const seen: number[] = [];
    const inner: PassRunner = {
      run: (items) => {
        const files = new OpenFiles();
        for (const item of items) {
          if (item.kind !== 'moments') continue;
          const bytes = new Uint8Array(item.span.bytes);
          assert.equal(files.read(item.span, 0, bytes), null);
          seen.push(new DataView(bytes.buffer).getUint32(bytes.length - 4, true));
        }
        files.close();
        return Promise.resolve(success([]));
      },
    };
    const passes = fetchingPasses(inner, (done, total) => told.push([done, total]));
    const items = tensors.map(({ span }) => ({ kind: 'moments', span }) as const);
    const { signal } = new AbortController();
    assert.ok((await passes.run(items, { signal })).ok);
    assert.deepEqual(seen, [4 * 2 ** 20 - 4, 0x07070707]);
    const [, total] = told[0] ?? [];
    assert.deepEqual(told.at(-1), [total, total]);
    // All but the block that opening fetched.
    assert.ok(total !== undefined && total < 4 * 2 ** 20 + 1000 && total > 3.7 * 2 ** 20);
    told.length = 0;
    assert.ok((await passes.run(items, { signal })).ok);
    assert.deepEqual(told, []);
  });

  test('a pass that is cancelled fetches no more', async () => {
    const { tensors } = await open('hf://me/whole');
    const controller = new AbortController();
    const passes = fetchingPasses({ run: () => assert.fail('the pass ran') }, () => controller.abort());
    const items = tensors.map(({ span }) => ({ kind: 'moments', span }) as const);
    const result = await passes.run(items, { signal: controller.signal });
    assert.ok(!result.ok && result.problem.code === 'cancelled');
  });

  test('shards of an index open as one, each by its own header', async () => {
    const checkpoint = await open('hf://me/sharded');
    assert.deepEqual(
      checkpoint.tensors.map(({ name }) => name),
      ['a', 'b'],
    );
    assert.equal(checkpoint.container, 'safetensors (sharded)');
    const file = await open('hf://me/sharded/model-00002-of-00002.safetensors');
    assert.deepEqual(
      file.tensors.map(({ name }) => name),
      ['b'],
    );
  });

  test('a file in a folder, and a commit by its number', async () => {
    assert.equal((await open('hf://me/sub/vae/model.safetensors')).tensors.length, 2);
    assert.equal((await open(`hf://me/whole@${COMMIT}/model.safetensors`)).tensors.length, 2);
  });

  test('the token goes to the Hub and not to the store that it redirects to', async () => {
    assert.equal(await codeOf('hf://me/gated'), 'hub-denied');
    process.env['HF_TOKEN'] = TOKEN;
    const checkpoint = await open('hf://me/gated');
    assert.ok((await readSpan(spanOf(checkpoint, 'small'))).ok);
    const [ofHub, ofStore] = (['hub', 'store'] as const).map((host) =>
      hub.asked.filter((each) => each.host === host),
    );
    assert.ok(
      ofStore !== undefined &&
        ofStore.length > 0 &&
        ofStore.every(({ authorization }) => authorization === null),
    );
    assert.ok(ofHub?.some(({ authorization }) => authorization === `Bearer ${TOKEN}`));
  });

  test('the token that huggingface-cli wrote is used', () => {
    const file = paths.join(root, 'token');
    fs.writeFileSync(file, `${TOKEN}\n`);
    assert.equal(hubSettings({ HF_TOKEN_PATH: file }).token, TOKEN);
    assert.equal(hubSettings({ HF_TOKEN_PATH: file, HF_TOKEN: 'other' }).token, 'other');
    assert.equal(hubSettings({ HF_HOME: root }).token, TOKEN);
    assert.equal(hubSettings({ HF_ENDPOINT: 'https://mirror.example/' }).endpoint, 'https://mirror.example');
  });

  test('what is not there, and what holds no checkpoint, is said', async () => {
    assert.equal(await codeOf('hf://me/nothing'), 'hub-missing');
    assert.equal(await codeOf('hf://me/whole@v9'), 'hub-missing');
    assert.equal(await codeOf('hf://me/whole/other.safetensors'), 'hub-missing');
    assert.equal(await codeOf('hf://me/none'), 'hub-choice');
    assert.equal(await codeOf('hf://me'), 'hub-address');
  });

  test('servers that fail, are gone, or send other bytes are told apart', async () => {
    hub.faults.status = 503;
    assert.equal(await codeOf('hf://me/whole'), 'hub-failed');
    delete hub.faults.status;
    hub.faults.ignoreRange = true;
    assert.equal(await codeOf('hf://me/whole'), 'hub-range-ignored');
    delete hub.faults.ignoreRange;
    hub.faults.otherBytes = true;
    assert.equal(await codeOf('hf://me/whole'), 'hub-changed');
    delete hub.faults.otherBytes;
    hub.faults.breakOffAt = 10;
    assert.equal(await codeOf('hf://me/whole'), 'hub-offline');
    delete hub.faults.breakOffAt;
    assert.equal(await codeOf('hf://me/whole'), 'opened');
    process.env['HF_ENDPOINT'] = 'http://127.0.0.1:9';
    assert.equal(await codeOf('hf://me/whole'), 'hub-offline');
  });

  test('a file that changes between two requests gives no numbers', async () => {
    const files = hub.models.get('me/whole');
    const before = files?.get('model.safetensors');
    assert.ok(files && before);
    const span = spanOf(await open('hf://me/whole'), 'small');
    files.set('model.safetensors', Buffer.from(before).fill(9, before.length - 8));
    const read = await readSpan(span);
    files.set('model.safetensors', before);
    assert.ok(!read.ok && read.problem.code === 'hub-changed');
  });

  test('missing runs are whole blocks, joined, and no longer than one request takes', () => {
    const held = new Uint8Array([0, 1, 0, 0, 0]);
    const bytes = 4 * MIRROR_BLOCK + 5;
    const B = MIRROR_BLOCK;
    assert.deepEqual(missingRuns(held, bytes, [[0, 1]]), [[0, B]]);
    assert.deepEqual(missingRuns(held, bytes, [[0, bytes]]), [
      [0, B],
      [2 * B, bytes],
    ]);
    assert.deepEqual(missingRuns(held, bytes, [[B + 3, 2 * B]]), []);
    assert.deepEqual(missingRuns(held, bytes, [[5, 5]]), []);
    const many = missingRuns(new Uint8Array(200), 200 * B, [[0, 200 * B]]);
    assert.deepEqual(
      many.map(([start, end]) => (end - start) / B),
      [64, 64, 64, 8],
    );
  });

  test('copies that were not used for longest go when there is too much', async () => {
    await open('hf://me/whole');
    await open('hf://me/sub/vae/model.safetensors');
    const settings = hubSettings();
    const copy = (name: string) =>
      paths.join(settings.folder, new URL(hub.endpoint).host.replace(':', '_'), name, COMMIT);
    fs.utimesSync(copy('me--whole'), 1, 1);
    await makeRoom({ ...settings, mostBytes: 2 * MIRROR_BLOCK }, copy('me--sub'));
    assert.ok(fs.existsSync(copy('me--whole')));
    await makeRoom({ ...settings, mostBytes: MIRROR_BLOCK }, copy('me--sub'));
    assert.ok(!fs.existsSync(copy('me--whole')) && fs.existsSync(copy('me--sub')));
  });
});
