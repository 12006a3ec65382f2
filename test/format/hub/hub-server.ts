// A Hub and the store it redirects to, on the loopback interface: the routes that the Hub answers, and nothing else. Written after
// what the Hub's clients expect of it (huggingface_hub, huggingface.js) and not after ours.
import { createHash } from 'node:crypto';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  readonly host: 'hub' | 'store';
  readonly method: string;
  readonly path: string;
  readonly range: string | null;
  readonly authorization: string | null;
}

/** How the servers misbehave. */
interface Faults {
  ignoreRange?: boolean;
  status?: number;
  /** Connections to the Hub are closed without a word. */
  drop?: boolean;
  otherBytes?: boolean;
  breakOffAt?: number;
  /** The Hub says no hash of a large file on the way to the store. */
  noLinkedTag?: boolean;
  /** Where the Hub says that a listing goes on. */
  nextPage?: string;
  /** What the API answers. */
  body?: string;
}

type Files = Map<string, Buffer>;

export interface HubServer {
  readonly endpoint: string;
  readonly asked: Asked[];
  /** Changed by tests. */
  readonly faults: Faults;
  /** Body bytes that the store has sent. */
  sent: number;
  /** Puts files on `main` as a commit. Names with `/gated` are gated, with `/private` private. */
  publish(model: string, files: Readonly<Record<string, Buffer | string>>, commit?: string): void;
  /** The files of a commit, to change them behind everybody's back. */
  filesOf(model: string, commit?: string): Files;
  close(): Promise<void>;
}

export const COMMIT = 'a'.repeat(40);
/** Opens gated and private models. */
export const TOKEN = 'hf_secret';
/** Files from here on are kept by Git LFS or Xet, in the store. */
const LARGE = 4096;
const PAGE = 3;

const sha256Of = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
/** A blob's number in Git. */
const oidOf = (bytes: Buffer) =>
  createHash('sha1')
    .update(`blob ${String(bytes.length)}\0`)
    .update(bytes)
    .digest('hex');

export async function startHub(): Promise<HubServer> {
  const asked: Asked[] = [];
  const faults: Faults = {};
  const commits = new Map<string, Files>();
  const branches = new Map<string, string>();
  const note = (host: Asked['host'], { method = '', url = '', headers }: http.IncomingMessage) =>
    asked.push({
      host,
      method,
      path: url,
      range: headers.range ?? null,
      authorization: headers.authorization ?? null,
    });
  const store = http.createServer((request, response) => {
    note('store', request);
    const bytes = commits
      .get(
        decodeURIComponent(request.url ?? '')
          .split('|')[0]
          ?.slice(1) ?? '',
      )
      ?.get(decodeURIComponent(request.url ?? '').split('|')[1] ?? '');
    if (!bytes) return void response.writeHead(404).end();
    self.sent += send(request, response, bytes, `"${sha256Of(bytes).slice(0, 32)}"`, faults);
  });
  const hub = http.createServer((request, response) => {
    note('hub', request);
    if (faults.drop) return void request.socket.destroy();
    if (faults.status !== undefined) return void response.writeHead(faults.status).end();
    const url = new URL(request.url ?? '', self.endpoint);
    const path = url.pathname.split('/').map(decodeURIComponent);
    const isApi = path[1] === 'api';
    const [, , kept] = path;
    if (kept === 'resolve-cache') {
      const bytes = commits
        .get(`${path.slice(4, 6).join('/')}@${path[6] ?? ''}`)
        ?.get(path.slice(7).join('/'));
      if (!bytes) return refuse(response, 404, 'EntryNotFound', 'Entry not found');
      return void send(request, response, bytes, `"${oidOf(bytes)}"`, {});
    }
    const [owner, name, route, revision = '', ...rest] = path.slice(isApi ? 3 : 1);
    const model = `${owner ?? ''}/${name ?? ''}`;
    const file = rest.join('/');
    const hasToken = request.headers.authorization === `Bearer ${TOKEN}`;
    if (!branches.has(`${model}@main`) || (model.includes('/private') && !hasToken))
      return hasToken
        ? refuse(response, 404, 'RepoNotFound', 'Repository not found')
        : refuse(response, 401, 'RepoNotFound', 'Invalid username or password.');
    const commit = branches.get(`${model}@${revision}`) ?? revision;
    const files = commits.get(`${model}@${commit}`);
    if (!files) return refuse(response, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`);
    if (isApi && faults.body !== undefined) return void json(response, faults.body);
    if (isApi && route === 'revision') {
      const siblings = [...files.keys()].map((rfilename) => ({ rfilename }));
      const fields: Record<string, unknown> = {
        sha: commit,
        siblings,
        lastModified: '2026-01-01T00:00:00.000Z',
      };
      // Where fields are asked for, no others come.
      const wanted = url.searchParams.getAll('expand');
      const chosen = wanted.length === 0 ? Object.keys(fields) : wanted.filter((key) => key in fields);
      const answer = Object.fromEntries(chosen.map((key) => [key, fields[key]]));
      return void json(response, JSON.stringify({ _id: '1', id: model, ...answer }));
    }
    if (isApi && route === 'tree') return tree(response, url, files, file);
    if (isApi || route !== 'resolve') return refuse(response, 404, '', 'Not found');
    if (model.includes('/gated') && !hasToken)
      return refuse(response, 401, 'GatedRepo', 'Access to this model is restricted.');
    const bytes = files.get(file);
    if (!bytes) return refuse(response, 404, 'EntryNotFound', 'Entry not found');
    const common = { 'x-repo-commit': commit, vary: 'Origin' };
    if (bytes.length < LARGE) {
      const location = `/api/resolve-cache/models/${model}/${commit}/${encodeURIComponent(file)}?etag=x`;
      return void response
        .writeHead(307, {
          ...common,
          location,
          'x-linked-size': bytes.length,
          'x-linked-etag': `"${oidOf(bytes)}"`,
        })
        .end(`Temporary Redirect. Redirecting to ${location}`);
    }
    if ((request.headers.accept ?? '').includes('xet-fileinfo'))
      return void response.writeHead(500).end('no test speaks the protocol of Xet');
    const location = `${storeUrl}/${encodeURIComponent(`${model}@${commit}|${file}`)}`;
    response.writeHead(302, {
      ...common,
      location,
      ...(faults.noLinkedTag
        ? {}
        : { 'x-linked-size': bytes.length, 'x-linked-etag': `"${sha256Of(bytes)}"` }),
      'x-xet-hash': sha256Of(bytes).split('').reverse().join(''),
      link: `<${self.endpoint}/api/models/${model}/xet-read-token/${commit}>; rel="xet-auth"`,
    });
    response.end(`Found. Redirecting to ${location}`);
  });

  /** A page of a folder, as many entries as `PAGE`, and where the next one is. */
  function tree(response: http.ServerResponse, url: URL, files: Files, folder: string): void {
    const inside = [...files].filter(([path]) => folder === '' || path.startsWith(`${folder}/`));
    if (inside.length === 0) return refuse(response, 404, 'EntryNotFound', `${folder} does not exist`);
    const entries = new Map<string, object>();
    for (const [path, bytes] of inside) {
      const below = path.slice(folder === '' ? 0 : folder.length + 1).split('/');
      const own = [folder, below[0]].filter((part) => part !== '').join('/');
      const entry = {
        type: 'file',
        oid: oidOf(bytes),
        size: bytes.length,
        path,
        ...(bytes.length < LARGE
          ? {}
          : { lfs: { oid: sha256Of(bytes), size: bytes.length, pointerSize: 134 }, xetHash: 'x'.repeat(64) }),
      };
      entries.set(own, below.length === 1 ? entry : { type: 'directory', oid: COMMIT, size: 0, path: own });
    }
    const first = Number(url.searchParams.get('cursor') ?? '0');
    const next = new URL(url);
    next.searchParams.set('cursor', String(first + PAGE));
    const more = faults.nextPage ?? (first + PAGE < entries.size ? next.href : null);
    if (more !== null) response.setHeader('link', `<${more}>; rel="next"`);
    json(response, JSON.stringify([...entries.values()].slice(first, first + PAGE)));
  }

  const storeUrl = await listen(store);
  const endpoint = await listen(hub);
  const self: HubServer = {
    endpoint,
    asked,
    faults,
    sent: 0,
    publish: (model, files, commit = COMMIT) => {
      const entries = Object.entries(files).map(
        ([name, bytes]) => [name, Buffer.from(bytes as Buffer)] as const,
      );
      commits.set(`${model}@${commit}`, new Map(entries));
      branches.set(`${model}@main`, commit);
    },
    filesOf: (model, commit = COMMIT) => commits.get(`${model}@${commit}`) ?? new Map<string, Buffer>(),
    close: async () => {
      for (const server of [hub, store]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
  return self;
}

function refuse(response: http.ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'x-error-message': message,
    ...(code === '' ? {} : { 'x-error-code': code }),
  });
  response.end(JSON.stringify({ error: message }));
}

function json(response: http.ServerResponse, text: string): void {
  response.setHeader('content-type', 'application/json; charset=utf-8');
  response.end(text);
}

function send(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  bytes: Buffer,
  etag: string,
  { ignoreRange, otherBytes, breakOffAt }: Faults,
): number {
  const range = ignoreRange ? null : /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  const [first, last] = range
    ? [Number(range[1]), Math.min(Number(range[2]), bytes.length - 1)]
    : [0, bytes.length - 1];
  if (range && first >= bytes.length) {
    response.writeHead(416, { 'content-range': `bytes */${String(bytes.length)}` }).end();
    return 0;
  }
  const body = bytes.subarray(first, last + 1);
  const total = otherBytes ? bytes.length + 1 : bytes.length;
  response.writeHead(range ? 206 : 200, {
    'content-length': String(body.length),
    'accept-ranges': 'bytes',
    etag,
    ...(range ? { 'content-range': `bytes ${String(first)}-${String(last)}/${String(total)}` } : {}),
  });
  if (breakOffAt !== undefined) {
    response.write(body.subarray(0, breakOffAt), () => response.destroy());
    return breakOffAt;
  }
  response.end(body);
  return body.length;
}

async function listen(server: http.Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}
