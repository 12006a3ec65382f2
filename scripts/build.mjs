// Bundles everything that runs into dist/. `--watch` rebuilds on change; `--production` minifies, drops source maps
// and writes the licences of what is bundled; `--only=cli,server` builds just these entries.
import * as esbuild from 'esbuild';
import fs from 'node:fs';
import { licenceNotices } from './notices.mjs';
import { compileTensorKernels } from './tensor-kernels.mjs';

const watch = process.argv.includes('--watch');
const production = process.argv.includes('--production');

/**
 * The packages by which @huggingface/hub cuts uploads into chunks for Xet, WebAssembly among them. They run something when they are
 * loaded and do not say that it matters to themselves alone; nothing that is used here needs them.
 */
const withoutXetUploads = {
  name: 'without-xet-uploads',
  /** @param {import('esbuild').PluginBuild} build */
  setup({ onResolve, resolve }) {
    const packages = /^(?:@huggingface\/(?:xetchunk-wasm|blake3-jit)|gearhash-jit)$/;
    onResolve({ filter: packages }, async ({ path, importer, resolveDir, kind, pluginData }) => {
      if (pluginData === packages) return undefined;
      const found = await resolve(path, { importer, resolveDir, kind, pluginData: packages });
      return { ...found, sideEffects: false };
    });
  },
};

/** What `src/extension/language-client.ts` holds is a bundle beside the extension's own. */
const languageClientApart = {
  name: 'language-client-apart',
  /** @param {import('esbuild').PluginBuild} build */
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/language-client$/ }, () => ({
      path: './language-client.js',
      external: true,
    }));
  },
};

const common = { bundle: true, sourcemap: !production, minify: production, logLevel: 'warning' };
const node = {
  ...common,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  // jsonc-parser's UMD build asks for its parts at run time, which a bundler cannot follow; its ES module build imports them.
  mainFields: ['module', 'main'],
  // onnxruntime-node finds its binary by a path made from platform and architecture, so it stays in the file tree.
  external: ['vscode', 'onnxruntime-node', 'mocha'],
  plugins: [withoutXetUploads],
};
const browser = { ...common, platform: 'browser', format: 'iife', target: 'es2022', minify: true };

const bundles = [
  {
    ...node,
    entryPoints: { extension: 'src/extension/main.ts' },
    outdir: 'dist',
    plugins: [...node.plugins, languageClientApart],
  },
  { ...node, entryPoints: { 'language-client': 'src/extension/language-client.ts' }, outdir: 'dist' },
  {
    ...node,
    entryPoints: { server: 'src/server/main.ts', compute: 'src/server/compute.ts' },
    outdir: 'dist',
  },
  {
    ...node,
    entryPoints: {
      'tensor-worker': 'src/tensor/worker.ts',
      'product-thread': 'src/tensor/product-thread.ts',
    },
    outdir: 'dist',
  },
  { ...node, entryPoints: { cli: 'src/cli/main.ts' }, outdir: 'dist', banner: { js: '#!/usr/bin/env node' } },
  {
    ...browser,
    entryPoints: { result: 'webview/study/main.ts', checkpoint: 'webview/checkpoint/main.ts' },
    outdir: 'dist/webview',
  },
  {
    ...browser,
    entryPoints: { result: 'webview/study/study.css', checkpoint: 'webview/checkpoint/checkpoint.css' },
    outdir: 'dist/webview',
    loader: { '.ttf': 'file' },
  },
];
if (!production && fs.existsSync('test/host')) {
  const suites = fs.readdirSync('test/host').filter((file) => file.endsWith('.ts'));
  bundles.push({ ...node, entryPoints: suites.map((file) => `test/host/${file}`), outdir: 'dist/test/host' });
}

const only = process.argv
  .find((argument) => argument.startsWith('--only='))
  ?.slice('--only='.length)
  .split(',');
const chosen = bundles.filter(
  (bundle) => !only || Object.keys(bundle.entryPoints).some((entry) => only.includes(entry)),
);
if (!only) fs.rmSync('dist', { recursive: true, force: true });
fs.mkdirSync('dist/webview', { recursive: true });
for (const file of ['codicon.css', 'codicon.ttf']) {
  fs.copyFileSync(`node_modules/@vscode/codicons/dist/${file}`, `dist/webview/${file}`);
}
if (chosen.some((bundle) => 'tensor-worker' in bundle.entryPoints)) await compileTensorKernels();
if (watch) {
  for (const bundle of chosen) await (await esbuild.context({ ...bundle, logLevel: 'info' })).watch();
} else {
  const built = await Promise.all(chosen.map((bundle) => esbuild.build({ ...bundle, metafile: true })));
  if (production) {
    fs.writeFileSync('dist/third-party-notices.txt', licenceNotices(built.map(({ metafile }) => metafile)));
  }
  if (fs.existsSync('dist/cli.js')) fs.chmodSync('dist/cli.js', 0o755);
}
