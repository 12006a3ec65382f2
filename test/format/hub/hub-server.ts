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

/** Starts both servers on ports of their own. */
export async function startHub(): Promise<HubServer> {
  const started = new LoopbackHub();
  await started.listen();
  return started;
}

type Request = http.IncomingMessage;
type Response = http.ServerResponse;

/** What an address of the Hub names, by whatever route. */
interface Named {
  readonly model: string;
  readonly commit: string;
  readonly files: Files;
  /** A file, or a folder of a listing. */
  readonly path: string;
}

class LoopbackHub implements HubServer {
  endpoint = '';
  sent = 0;
  readonly asked: Asked[] = [];
  readonly faults: Faults = {};
  private storeUrl = '';
  private readonly commits = new Map<string, Files>();
  private readonly branches = new Map<string, string>();
  private readonly hub = http.createServer((request, response) => this.answer(request, response));
  private readonly store = http.createServer((request, response) => this.sendStored(request, response));

  async listen(): Promise<void> {
    this.endpoint = await listen(this.hub);
    this.storeUrl = await listen(this.store);
  }

  async close(): Promise<void> {
    for (const server of [this.hub, this.store]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  publish(model: string, files: Readonly<Record<string, Buffer | string>>, commit = COMMIT): void {
    const entries = Object.entries(files).map(
      ([name, bytes]) => [name, typeof bytes === 'string' ? Buffer.from(bytes) : bytes] as const,
    );
    this.commits.set(`${model}@${commit}`, new Map(entries));
    this.branches.set(`${model}@main`, commit);
  }

  filesOf(model: string, commit = COMMIT): Files {
    return this.commits.get(`${model}@${commit}`) ?? new Map<string, Buffer>();
  }

  private note(host: Asked['host'], { method = '', url = '', headers }: Request): void {
    const { range = null, authorization = null } = headers;
    this.asked.push({ host, method, path: url, range, authorization });
  }

  private sendStored(request: Request, response: Response): void {
    this.note('store', request);
    const [model = '', file = ''] = decodeURIComponent(request.url ?? '')
      .slice(1)
      .split('|');
    const bytes = this.commits.get(model)?.get(file);
    if (!bytes) return void response.writeHead(404).end();
    this.sent += send(request, response, bytes, `"${sha256Of(bytes).slice(0, 32)}"`, this.faults);
  }

  private answer(request: Request, response: Response): void {
    this.note('hub', request);
    const { drop, status, body } = this.faults;
    if (drop) return void request.socket.destroy();
    if (status !== undefined) return void response.writeHead(status).end();
    const url = new URL(request.url ?? '', this.endpoint);
    const [, first, second, ...parts] = url.pathname.split('/').map(decodeURIComponent);
    if (first === 'api' && second === 'resolve-cache')
      return this.sendSmall(parts.slice(1), request, response);
    const isApi = first === 'api';
    const [owner = '', name = '', route, revision = '', ...rest] = isApi ? parts : [first, second, ...parts];
    const model = `${owner}/${name}`;
    const hasToken = request.headers.authorization === `Bearer ${TOKEN}`;
    if (!this.branches.has(`${model}@main`) || (model.includes('/private') && !hasToken))
      return hasToken
        ? refuse(response, 404, 'RepoNotFound', 'Repository not found')
        : refuse(response, 401, 'RepoNotFound', 'Invalid username or password.');
    const commit = this.branches.get(`${model}@${revision}`) ?? revision;
    const files = this.commits.get(`${model}@${commit}`);
    if (!files) return refuse(response, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`);
    const named = { model, commit, files, path: rest.join('/') };
    if (isApi && body !== undefined) return json(response, body);
    if (isApi && route === 'revision') return describe(response, url, named);
    if (isApi && route === 'tree') return this.list(response, url, named);
    if (isApi || route !== 'resolve') return refuse(response, 404, '', 'Not found');
    if (model.includes('/gated') && !hasToken)
      return refuse(response, 401, 'GatedRepo', 'Access to this model is restricted.');
    this.resolve(request, response, named);
  }

  /** `/api/resolve-cache/models/owner/name/commit/file`: where small files, which Git keeps, are redirected to. */
  private sendSmall(
    [owner = '', name = '', commit = '', ...file]: readonly string[],
    request: Request,
    response: Response,
  ): void {
    const bytes = this.commits.get(`${owner}/${name}@${commit}`)?.get(file.join('/'));
    if (!bytes) return refuse(response, 404, 'EntryNotFound', 'Entry not found');
    send(request, response, bytes, `"${oidOf(bytes)}"`, {});
  }

  /** A page of a folder, of so many entries as `PAGE`, and where the next one is. */
  private list(response: Response, url: URL, { files, path }: Named): void {
    const entries = entriesOf(files, path);
    if (entries.length === 0) return refuse(response, 404, 'EntryNotFound', `${path} does not exist`);
    const first = Number(url.searchParams.get('cursor') ?? '0');
    const next = new URL(url);
    next.searchParams.set('cursor', String(first + PAGE));
    const more = this.faults.nextPage ?? (first + PAGE < entries.length ? next.href : null);
    if (more !== null) response.setHeader('link', `<${more}>; rel="next"`);
    json(response, JSON.stringify(entries.slice(first, first + PAGE)));
  }

  /** Redirects: small files on the Hub itself, large ones to the store. */
  private resolve(request: Request, response: Response, { model, commit, files, path }: Named): void {
    const bytes = files.get(path);
    if (!bytes) return refuse(response, 404, 'EntryNotFound', 'Entry not found');
    if ((request.headers.accept ?? '').includes('xet-fileinfo'))
      return void response.writeHead(500).end('no test speaks the protocol of Xet');
    const isLarge = bytes.length >= LARGE;
    const location = isLarge
      ? `${this.storeUrl}/${encodeURIComponent(`${model}@${commit}|${path}`)}`
      : `/api/resolve-cache/models/${model}/${commit}/${encodeURIComponent(path)}?etag=x`;
    const hash = isLarge ? sha256Of(bytes) : oidOf(bytes);
    const linked = { 'x-linked-size': bytes.length, 'x-linked-etag': `"${hash}"` };
    const ofXet = {
      'x-xet-hash': hash.split('').reverse().join(''),
      link: `<${this.endpoint}/api/models/${model}/xet-read-token/${commit}>; rel="xet-auth"`,
    };
    response.writeHead(isLarge ? 302 : 307, {
      'x-repo-commit': commit,
      location,
      ...(this.faults.noLinkedTag ? {} : linked),
      ...(isLarge ? ofXet : {}),
    });
    response.end(`Redirecting to ${location}`);
  }
}

/** What a model is; where fields are asked for, no others come. */
function describe(response: Response, url: URL, { model, commit, files }: Named): void {
  const siblings = [...files.keys()].map((rfilename) => ({ rfilename }));
  const fields: Record<string, unknown> = {
    sha: commit,
    siblings,
    lastModified: '2026-01-01T00:00:00.000Z',
  };
  const wanted = url.searchParams.getAll('expand');
  const chosen = wanted.length === 0 ? Object.keys(fields) : wanted.filter((key) => key in fields);
  const answer = Object.fromEntries(chosen.map((key) => [key, fields[key]]));
  json(response, JSON.stringify({ _id: '1', id: model, ...answer }));
}

/** Files and folders right in a folder, as a listing has them. */
function entriesOf(files: Files, folder: string): object[] {
  const start = folder === '' ? '' : `${folder}/`;
  const entries = new Map<string, object>();
  for (const [path, bytes] of files) {
    if (!path.startsWith(start)) continue;
    const [own = '', ...below] = path.slice(start.length).split('/');
    const [oid, size] = [oidOf(bytes), bytes.length];
    const lfs = { oid: sha256Of(bytes), size, pointerSize: 134 };
    const large = size < LARGE ? {} : { lfs, xetHash: 'x'.repeat(64) };
    const file = { type: 'file', oid, size, path, ...large };
    entries.set(
      own,
      below.length === 0 ? file : { type: 'directory', oid: COMMIT, size: 0, path: start + own },
    );
  }
  return [...entries.values()];
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
