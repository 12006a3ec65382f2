// A Hub and the store it redirects to, on the loopback interface: the routes that the Hub answers, and nothing else.
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

export interface HubServer {
  readonly endpoint: string;
  readonly asked: Asked[];
  /** How the servers misbehave; changed by tests. */
  readonly faults: { ignoreRange?: boolean; status?: number; otherBytes?: boolean; breakOffAt?: number };
  /** By `owner/name`, by file; large ones are redirected to the store. */
  readonly models: Map<string, Map<string, Buffer>>;
  /** Body bytes that the store has sent. */
  sent: number;
  close(): Promise<void>;
}

export const COMMIT = 'a'.repeat(40);
const LARGE = 4096;
const etagOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** `TOKEN` opens the models whose name begins with `gated`. */
export const TOKEN = 'hf_secret';

export async function startHub(): Promise<HubServer> {
  const asked: Asked[] = [];
  const faults: HubServer['faults'] = {};
  const models: HubServer['models'] = new Map();
  const note = (host: Asked['host'], request: http.IncomingMessage) => {
    const { method = '', url = '', headers } = request;
    asked.push({
      host,
      method,
      path: url,
      range: headers.range ?? null,
      authorization: headers.authorization ?? null,
    });
  };
  const store = http.createServer((request, response) => {
    note('store', request);
    const [model = '', file = ''] = decodeURIComponent(request.url ?? '')
      .slice(1)
      .split('|');
    const bytes = models.get(model)?.get(file);
    if (!bytes) return void response.writeHead(404).end();
    self.sent += send(request, response, bytes, faults);
  });
  const hub = http.createServer((request, response) => {
    note('hub', request);
    if (faults.status !== undefined) return void response.writeHead(faults.status).end();
    const path = decodeURIComponent(request.url ?? '');
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/revision\/(\w+)$/.exec(path);
    const resolved = /^\/([^/]+\/[^/]+)\/resolve\/(\w+)\/(.+)$/.exec(path);
    const name = api?.[1] ?? resolved?.[1] ?? '';
    if (name.includes('/gated') && request.headers.authorization !== `Bearer ${TOKEN}`)
      return void response.writeHead(401, { 'x-error-message': 'Access to this model is restricted.' }).end();
    const files = models.get(name);
    if (api && files && ['main', COMMIT].includes(api[2] ?? '')) {
      const siblings = [...files.keys()].map((rfilename) => ({ rfilename }));
      response.setHeader('content-type', 'application/json');
      return void response.end(JSON.stringify({ id: name, sha: COMMIT, siblings }));
    }
    const bytes = resolved?.[2] === COMMIT ? files?.get(resolved[3] ?? '') : undefined;
    if (!bytes) return void response.writeHead(404).end();
    if (bytes.length < LARGE) return void send(request, response, bytes, {});
    response.writeHead(302, {
      location: `${storeUrl}/${encodeURIComponent(`${name}|${resolved?.[3] ?? ''}`)}`,
      'x-linked-size': String(bytes.length),
      'x-linked-etag': `"${etagOf(bytes)}"`,
      'x-repo-commit': COMMIT,
      'x-xet-hash': 'ignored',
    });
    response.end();
  });
  const storeUrl = await listen(store);
  const endpoint = await listen(hub);
  const self: HubServer = {
    endpoint,
    asked,
    faults,
    models,
    sent: 0,
    close: async () => {
      for (const server of [hub, store]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
  return self;
}

function send(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  bytes: Buffer,
  { ignoreRange, otherBytes, breakOffAt }: HubServer['faults'],
): number {
  const range = ignoreRange ? null : /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  const [first, last] = range
    ? [Number(range[1]), Math.min(Number(range[2]), bytes.length - 1)]
    : [0, bytes.length - 1];
  const body = bytes.subarray(first, last + 1);
  const total = otherBytes ? bytes.length + 1 : bytes.length;
  response.writeHead(range ? 206 : 200, {
    'content-length': String(body.length),
    etag: `"${etagOf(bytes).slice(0, 32)}"`,
    ...(range ? { 'content-range': `bytes ${String(first)}-${String(last)}/${String(total)}` } : {}),
  });
  if (request.method === 'HEAD') {
    response.end();
    return 0;
  }
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
