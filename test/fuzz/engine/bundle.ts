import * as esbuild from 'esbuild';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { instrument } from './instrument';

const PARSERS = /[/\\]src[/\\](?:format|graph|model|lint|tensor|protocol)[/\\].*\.ts$/;
const MOST_COUNTERS = 2 ** 16;

/** Which counters belong to a module, and what inputs are compared with in it. */
export interface InstrumentedModule {
  /** `src/format/pickle.ts` */
  readonly path: string;
  readonly first: number;
  readonly counters: number;
  readonly literals: readonly (string | number)[];
}

/**
 * One CommonJS file of the fuzz targets with all parsers, which count their branches, over files in memory: it can reach
 * neither disk, network nor other programs. `root` is the folder of the repository.
 */
export async function bundleTargets(root: string, outfile: string): Promise<void> {
  const engine = (file: string) => paths.join(root, 'test/fuzz/engine', file);
  const modules: InstrumentedModule[] = [];
  let next = 1;
  const counting: esbuild.Plugin = {
    name: 'counting',
    setup(build) {
      build.onLoad({ filter: PARSERS }, ({ path }) => {
        const source = fs.readFileSync(path, 'utf8');
        const { code, counters, literals } = instrument(source, path, next);
        const name = paths.relative(root, path).replaceAll(paths.sep, '/');
        modules.push({ path: name, first: next, counters, literals });
        next += counters;
        return { contents: code, loader: 'ts' };
      });
      build.onResolve({ filter: /^node:(?:fs|fs\/promises)$/ }, ({ importer }) =>
        PARSERS.test(importer) ? { path: engine('memory-files.ts') } : undefined,
      );
      build.onResolve({ filter: /^node:(?:child_process|net|http|https|dgram|tls|worker_threads)$/ }, () => ({
        path: engine('nothing-outside.ts'),
      }));
    },
  };
  const { outputFiles } = await esbuild.build({
    entryPoints: [engine('campaign.ts')],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    mainFields: ['module', 'main'],
    external: ['onnxruntime-node', 'esbuild', 'typescript'],
    outfile,
    logLevel: 'error',
    plugins: [counting],
    banner: { js: METER },
  });
  if (next > MOST_COUNTERS) throw new Error(`The parsers have ${String(next)} branches; make $c longer.`);
  fs.mkdirSync(paths.dirname(outfile), { recursive: true });
  const table = `globalThis.$modules = ${JSON.stringify(modules)};`;
  const [output] = outputFiles;
  fs.writeFileSync(
    outfile,
    (output?.text ?? '').replace('/*modules*/', () => table),
  );
}

/** In one line; `meter.ts` describes it. */
const METER = [
  `const $c = new Uint8Array(${String(MOST_COUNTERS)});`,
  'const $m = { work: 0, mostWork: Infinity, bytes: 0, mostBytes: Infinity, caught: null };',
  'class $Stop extends Error {}',
  `function $step() { if (++$m.work > $m.mostWork) throw new $Stop('works longer than its bound'); }`,
  'function $size(n) {',
  `const size = typeof n === 'number' ? n : (n?.byteLength ?? n?.length ?? 0);`,
  `if (size > 0) $m.bytes += size; if ($m.bytes > $m.mostBytes) throw new $Stop('allocates more than its bound');`,
  'return n; }',
  'function $caught(error) { $m.caught = error; }',
  '/*modules*/',
].join(' ');
