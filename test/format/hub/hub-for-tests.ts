// A Hub with some models for the tests of a suite, and what they do with it.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as paths from 'node:path';
import { after, afterEach, before, beforeEach } from 'node:test';
import { openCheckpoint } from '../../../src/format/registry';
import type { Checkpoint } from '../../../src/format/checkpoint';
import { safetensorsFile } from '../files';
import { startHub, type HubServer } from './hub-server';

const VARIABLES = ['HF_ENDPOINT', 'DELTALENS_HUB_CACHE', 'HF_TOKEN_PATH', 'HF_TOKEN', 'HF_HUB_OFFLINE'];

/** What is there while the tests of a suite run. */
export interface HubForTests {
  readonly hub: HubServer;
  /** A folder that goes with the suite. */
  readonly root: string;
}

/** Starts a Hub for the suite around it; every test begins with an empty cache and without a token. */
export function hubForTests(): HubForTests {
  const root = fs.mkdtempSync(paths.join(os.tmpdir(), 'deltalens-hub-test-'));
  const before_ = Object.fromEntries(VARIABLES.map((name) => [name, process.env[name]]));
  let server: HubServer | undefined;
  let caches = 0;
  const hub = (): HubServer => {
    assert.ok(server);
    return server;
  };
  before(async () => {
    server = await startHub();
    server.publish('me/whole', {
      'README.md': '# hello',
      'config.json': '{"model_type":"llama"}',
      'model.safetensors': model(4),
    });
  });
  after(async () => {
    await hub().close();
    for (const name of VARIABLES) setVariable(name, before_[name]);
    fs.rmSync(root, { recursive: true });
  });
  beforeEach(() => {
    hub().asked.length = 0;
    hub().sent = 0;
    setVariable('HF_ENDPOINT', hub().endpoint);
    setVariable('DELTALENS_HUB_CACHE', paths.join(root, String(caches++)));
    setVariable('HF_TOKEN_PATH', paths.join(root, 'no-token'));
    setVariable('HF_TOKEN', undefined);
    setVariable('HF_HUB_OFFLINE', undefined);
  });
  afterEach(() => {
    for (const key of Object.keys(hub().faults)) delete hub().faults[key as keyof HubServer['faults']];
  });
  return {
    root,
    get hub() {
      return hub();
    },
  };
}

function setVariable(name: string, value: string | undefined): void {
  if (value === undefined) Reflect.deleteProperty(process.env, name);
  else process.env[name] = value;
}

/** Two tensors of `megabytes` and of 8 bytes (all `last`); every four bytes of the first say where they are. */
export function model(megabytes: number, last = 7): Buffer {
  const large = megabytes * 2 ** 20;
  const data = Buffer.alloc(large + 8);
  for (let at = 0; at < large; at += 4) data.writeUInt32LE(at, at);
  data.fill(last, large);
  return safetensorsFile(
    {
      large: { dtype: 'U8', shape: [large], data_offsets: [0, large] },
      small: { dtype: 'U8', shape: [8], data_offsets: [large, large + 8] },
    },
    data,
  );
}

/** The checkpoint at an address that opens. */
export async function open(address: string): Promise<Checkpoint> {
  const opened = await openCheckpoint(address);
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  return opened.value;
}

/** Why an address does not open, or `opened`. */
export async function codeOf(address: string): Promise<string> {
  const opened = await openCheckpoint(address);
  return opened.ok ? 'opened' : opened.problem.code;
}

/** Where the values of a tensor lie. */
export function spanOf(checkpoint: Checkpoint, name: string): Checkpoint['tensors'][number]['span'] {
  const span = checkpoint.tensors.find((entry) => entry.name === name)?.span;
  assert.ok(span);
  return span;
}
