// What `npm test` runs, in order. A step is a name for --only, a title, and commands; `needs` says what must be there.
import fs from 'node:fs';
import path from 'node:path';
import { root } from './run.mjs';

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {string} title
 * @property {readonly ('build' | 'vscode' | 'chromium')[]} needs
 * @property {() => readonly (readonly Command[])[]} stages commands of a stage may run at the same time, stages one after the other
 * @property {boolean} [alone] whether nothing else may run meanwhile
 */
/** @typedef {{ words: readonly string[], env?: Record<string, string> }} Command words for Node.js */

/** Folders of test that are not for the unit step. */
const OTHER_STEPS = ['server', 'cli', 'webview', 'host', 'workbench', 'packaging'];

// Tests that fail may leave a browser or server behind, which must not keep the run from ending.
const RUNNER = ['--import', 'tsx', '--test-force-exit', '--test-reporter=spec', 'scripts/test-files.mjs'];

/** @type {readonly Step[]} */
export const STEPS = [
  step('format', 'Formatting', [], () => [
    { words: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.'] },
  ]),
  step('lint', 'Lint, with the import rules of the rooms', [], () => [
    { words: ['node_modules/eslint/bin/eslint.js', '.', '--max-warnings=0'] },
  ]),
  step('types', 'Types', [], () =>
    ['src', 'webview', 'test'].map((part) => ({
      words: ['node_modules/typescript-native/bin/tsc', '-p', part],
    })),
  ),
  step('docs', 'Generated documents are current', [], () => [
    { words: ['--import', 'tsx', 'scripts/docs.mjs', '--check'] },
  ]),
  step('unit', 'Unit, property and reference tests', ['build'], () => [
    { words: [...RUNNER, ...testFilesIn('test')] },
    ...unitFolders().map(allTestsOf),
  ]),
  step('server', 'Server and command line', ['build'], () => ['test/server', 'test/cli'].map(allTestsOf)),
  step('webview', 'Webviews in Chromium', ['build', 'chromium'], () => [allTestsOf('test/webview')]),
  step('host', 'Extension host', ['build', 'vscode', 'chromium'], () => [
    { words: ['scripts/host-tests.mjs'] },
  ]),
  step('workbench', 'Workbench', ['build', 'vscode', 'chromium'], () =>
    groupedByWindow(testFilesIn('test/workbench')).map((files) => ({ words: [...RUNNER, ...files] })),
  ),
  {
    name: 'vsix',
    title: 'Packaged and installed',
    needs: ['build', 'vscode', 'chromium'],
    // While it is packed, dist/ holds other bundles than the tests want.
    alone: true,
    stages: () => [
      [{ words: ['scripts/package.mjs'] }],
      [
        { words: ['scripts/host-tests.mjs', '--packaged'] },
        {
          words: [...RUNNER, 'test/workbench/heatmap.test.ts'],
          env: { DELTALENS_PACKAGED: '1' },
        },
        allTestsOf('test/packaging'),
      ],
    ],
  },
];

/**
 * A step whose commands may all run at the same time.
 * @param {string} name @param {string} title @param {Step['needs']} needs
 * @param {() => readonly Command[]} commands
 * @returns {Step}
 */
function step(name, title, needs, commands) {
  return { name, title, needs, stages: () => [commands()] };
}

/** All tests of a folder in one process. @param {string} folder @returns {Command} */
function allTestsOf(folder) {
  const names = fs.readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' });
  return { words: [...RUNNER, ...testFiles(folder, names)] };
}

/** Test files right in a folder. @param {string} folder */
function testFilesIn(folder) {
  return testFiles(folder, fs.readdirSync(path.join(root, folder)));
}

/** @param {string} folder @param {readonly string[]} names */
function testFiles(folder, names) {
  return names
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => path.posix.join(folder, name.replaceAll(path.sep, '/')))
    .sort();
}

/**
 * Files whose windows open with the same options share one, which takes longer to open than a test to run.
 * @param {readonly string[]} files
 */
function groupedByWindow(files) {
  /** @type {Map<string, string[]>} */
  const groups = new Map();
  for (const file of files) {
    const options = /VSCode\.start\((.*)\)/.exec(fs.readFileSync(path.join(root, file), 'utf8'))?.[1] ?? file;
    groups.set(options, [...(groups.get(options) ?? []), file]);
  }
  return [...groups.values()];
}

/** Folders of test for the unit step, the largest first, since it takes longest. */
function unitFolders() {
  const folders = fs.readdirSync(path.join(root, 'test'), { withFileTypes: true });
  return folders
    .filter((entry) => entry.isDirectory() && !OTHER_STEPS.includes(entry.name))
    .map(({ name }) => `test/${name}`)
    .filter((folder) => allTestsOf(folder).words.length > RUNNER.length)
    .sort((a, b) => allTestsOf(b).words.length - allTestsOf(a).words.length);
}
