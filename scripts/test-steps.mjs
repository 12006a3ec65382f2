// What `npm test` runs, in order. A step is a name for --only, a title, and commands; `needs` says what must be there.
import fs from 'node:fs';
import path from 'node:path';
import { root } from './run.mjs';

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {string} title
 * @property {readonly ('build' | 'vscode' | 'chromium')[]} needs
 * @property {() => readonly Command[]} commands
 */
/** @typedef {{ words: readonly string[], env?: Record<string, string> }} Command words for Node.js */

const UNIT_ROOMS = [
  'protocol',
  'syntaxes',
  'tensor',
  'format',
  'model',
  'graph',
  'lens',
  'lint',
  'figure',
  'extension',
];

// A test that fails may leave a browser or server behind, which must not keep the run from ending.
const RUNNER = ['--import', 'tsx', '--test', '--test-force-exit', '--test-reporter=spec'];

/** @type {readonly Step[]} */
export const STEPS = [
  check('format', 'Formatting', [
    'node_modules/prettier/bin/prettier.cjs',
    '--check',
    '--log-level=warn',
    '.',
  ]),
  check('lint', 'Lint, with the import rules of the rooms', [
    ...['node_modules/eslint/bin/eslint.js', '.', '--max-warnings=0'],
  ]),
  {
    name: 'types',
    title: 'Types',
    needs: [],
    commands: () =>
      ['src', 'webview', 'test'].map((part) => ({ words: ['node_modules/typescript/bin/tsc', '-p', part] })),
  },
  check('docs', 'Generated documents are current', ['--import', 'tsx', 'scripts/docs.mjs', '--check']),
  tests(
    'unit',
    'Unit, property and reference tests',
    ['build'],
    ['test', ...UNIT_ROOMS.map((room) => `test/${room}`)],
  ),
  tests('server', 'Server and command line', ['build'], ['test/server', 'test/cli']),
  tests('webview', 'Webviews in Chromium', ['build', 'chromium'], ['test/webview']),
  {
    name: 'host',
    title: 'Extension host',
    needs: ['build', 'vscode', 'chromium'],
    commands: () => [{ words: ['scripts/host-tests.mjs'] }],
  },
  tests('workbench', 'Workbench', ['build', 'vscode', 'chromium'], ['test/workbench'], 1),
  {
    name: 'vsix',
    title: 'Packaged and installed',
    needs: ['build', 'vscode', 'chromium'],
    commands: () => [
      { words: ['scripts/package.mjs'] },
      { words: testWords(['test/packaging'], 1) },
      { words: ['scripts/host-tests.mjs', '--packaged'] },
      {
        words: [...RUNNER, '--test-concurrency=1', 'test/workbench/heatmap.test.ts'],
        env: { DELTALENS_PACKAGED: '1' },
      },
    ],
  },
];

/** @param {string} name @param {string} title @param {readonly string[]} words @returns {Step} */
function check(name, title, words) {
  return { name, title, needs: [], commands: () => [{ words }] };
}

/**
 * A step of node:test files.
 * @param {string} name @param {string} title @param {Step['needs']} needs
 * @param {readonly string[]} folders @param {number} [concurrency] files at a time
 * @returns {Step}
 */
function tests(name, title, needs, folders, concurrency = 2) {
  return { name, title, needs, commands: () => [{ words: testWords(folders, concurrency) }] };
}

/** Node 20's runner takes files, not patterns. @param {readonly string[]} folders @param {number} concurrency */
function testWords(folders, concurrency) {
  const files = folders.flatMap((folder) =>
    (fs.existsSync(path.join(root, folder)) ? fs.readdirSync(path.join(root, folder)) : [])
      .filter((file) => file.endsWith('.test.ts'))
      .map((file) => `${folder}/${file}`),
  );
  return [...RUNNER, `--test-concurrency=${concurrency}`, ...files.sort()];
}
