import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { throughLibrary } from '../../src/format/hub/guarded-fetch';
import { commitNow, filesOf, isCommit } from '../../src/format/hub/listing';
import { problemOfRange } from '../../src/format/hub/range-answer';
import { expectResult } from './expectations';
import type { FuzzTarget } from './target';

const ENDPOINT = 'https://hub.example';
const SETTINGS = { endpoint: ENDPOINT, token: 'hf_secret', folder: '/fuzz', mostBytes: 0 };
const [MODEL, COMMIT, FOLDER] = ['me/model', 'a'.repeat(40), 'vae'];
const OID = 'b'.repeat(64);
const SOURCE = {
  endpoint: ENDPOINT,
  repository: MODEL,
  commit: COMMIT,
  name: 'vae/model.safetensors',
  bytes: 1000,
  etag: OID,
};
const BETWEEN = '\n---\n';
const MOST_REQUESTS = 400;

/** Answers in order: a status, headers, and after an empty line the body. */
const seed = (...answers: readonly string[]) => Buffer.from(answers.join(BETWEEN));
const model = `200\ncontent-type: application/json\n\n{"_id":"1","id":"${MODEL}","sha":"${COMMIT}","lastModified":"2026-01-01"}`;
const entry = (name: string) =>
  `{"type":"file","oid":"${COMMIT}","size":1000,"path":"${name}","lfs":{"oid":"${OID}","size":1000,"pointerSize":134},"xetHash":"${OID}"}`;
const store = `302\nlocation: https://store.example/x?y=z\nx-linked-etag: "${OID}"\nx-linked-size: 1000\nx-repo-commit: ${COMMIT}\n\nFound`;

/** What the Hub and the stores it leads to may answer: listings, redirects, ranges and refusals. */
export const hub: FuzzTarget = {
  name: 'hub',
  modules: /format\/hub\/(?:http|guarded-fetch|listing|range-answer)\.ts$/,
  seeds: () => [
    seed(
      model,
      `200\nlink: <${ENDPOINT}/api/models/${MODEL}/tree/${COMMIT}?cursor=2>; rel="next"\n\n[${entry('vae/model.safetensors')},${entry('../x')}]`,
      `200\n\n[${entry('vae/a/b')},{"type":"directory","path":"vae/a"}]`,
      store,
      `206\ncontent-range: bytes 0-9/1000\netag: W/"x"\n\n0123456789`,
    ),
    seed('307\nlocation: /api/models/new/name\n\n', model, '200\n\n[]', `200\ncontent-length: 10\n\nx`),
    seed('401\nx-error-code: GatedRepo\nx-error-message: Access is restricted.\n\n{"error":"no"}'),
    seed('404\nx-error-code: EntryNotFound\n\n', '416\ncontent-range: bytes */1\n\n', '503\n\n'),
    seed(store, 'ended', 'broken', '302\nlocation: ftp://x\n\n', '302\nlocation: http://x\n\n'),
  ],
  run: async (bytes) => {
    const before = globalThis.fetch;
    const broken: unknown[] = [];
    globalThis.fetch = answersOf(bytes, (error) => broken.push(error));
    try {
      await ask();
    } finally {
      globalThis.fetch = before;
    }
    if (broken.length > 0) throw broken[0];
  },
  // Streams and headers are made for every answer, and an answer may come again and again.
  bounds: { workConstant: 400_000, bytesConstant: 2 ** 22 },
};

async function ask(): Promise<void> {
  const commit = expectResult(await commitNow(SETTINGS, MODEL, 'main'));
  assert.ok(commit === null || isCommit(commit));
  const files = expectResult(await filesOf(SETTINGS, MODEL, COMMIT, FOLDER)) ?? [];
  for (const { name, bytes } of files) {
    assert.match(name, /^vae\/[^/\\]+$/);
    assert.ok(!/^vae\/\.\.?$/.test(name) && Number.isSafeInteger(bytes) && bytes >= 0);
  }
  const url = `${ENDPOINT}/${MODEL}/resolve/${COMMIT}/${SOURCE.name}`;
  const [start, end] = [0, 10];
  const guard = {
    mostBytes: 100,
    check: (answer: Parameters<typeof problemOfRange>[1]) => problemOfRange(SOURCE, answer, url, start, end),
  };
  const read = await throughLibrary(SETTINGS, url, guard, async (library, fetch) => {
    const file = await library.downloadFile({
      repo: { type: 'model', name: MODEL },
      path: SOURCE.name,
      hubUrl: ENDPOINT,
      downloadInfo: { url, size: SOURCE.bytes, etag: OID },
      xet: false,
      fetch,
    });
    return file?.slice(start, end).arrayBuffer();
  });
  const body = expectResult(read);
  assert.ok((body?.byteLength ?? 0) <= guard.mostBytes);
}

/** A server with these answers, over and over; it gets the token at the Hub's own address only, and no address that is not safe. */
function answersOf(bytes: Uint8Array, tell: (error: unknown) => void): typeof globalThis.fetch {
  const answers = Buffer.from(bytes).toString('latin1').split(BETWEEN);
  let asked = 0;
  return (input, init) => {
    try {
      expectRequest(new URL(input instanceof Request ? input.url : input), init);
      assert.ok(asked < MOST_REQUESTS, 'asks without an end');
    } catch (error) {
      // What is thrown here would be taken for a connection that failed.
      tell(error);
    }
    const answer = answers[asked++ % answers.length] ?? '';
    return answer === 'ended'
      ? Promise.reject(new TypeError('fetch failed', { cause: new Error('ended') }))
      : Promise.resolve(responseOf(answer));
  };
}

function expectRequest(url: URL, init: RequestInit | undefined): void {
  const { authorization } = Object.fromEntries(new Headers(init?.headers));
  assert.equal(url.protocol, 'https:');
  assert.equal(authorization, url.origin === ENDPOINT ? 'Bearer hf_secret' : undefined);
  assert.equal(init?.redirect, 'manual');
}

function responseOf(answer: string): Response {
  const [head = '', ...rest] = answer.split('\n\n');
  const [status = '', ...lines] = head.split('\n');
  const headers = new Headers();
  for (const line of lines) {
    const [name = '', ...value] = line.split(': ');
    try {
      headers.append(name, value.join(': '));
    } catch {
      // No header.
    }
  }
  const code = 200 + (Math.max(0, Number.parseInt(status, 10) || 0) % 200) + (/^[45]/.test(status) ? 200 : 0);
  const body = Buffer.from(rest.join('\n\n'), 'latin1');
  if ([204, 205, 304].includes(code)) return new Response(null, { status: code, headers });
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => {
      controller.enqueue(new Uint8Array(body));
      if (status === 'broken')
        controller.error(new TypeError('terminated', { cause: new Error('other side') }));
      else controller.close();
    },
  });
  return new Response(stream, { status: code, headers });
}
