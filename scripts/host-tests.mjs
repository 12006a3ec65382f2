// Runs the mocha suite of test/host inside a real extension host. Three ways to get one: by default VS Code's server with
// headless Chromium (tools/vscode/code-web.mjs); `VSCODE_DESKTOP=1`: the desktop, downloaded by test-electron;
// `VSCODE_EXECUTABLE=PATH`: a desktop that is there already. `--packaged` tests the vsix that scripts/package.mjs made instead of dist/.
import { runTests } from '@vscode/test-electron';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { flag, root } from './run.mjs';
import { vsixFile } from './vsix.mjs';

const served = path.join(root, 'tools/vscode/code-web.mjs');
const program = process.env.VSCODE_EXECUTABLE ?? (process.env.VSCODE_DESKTOP === '1' ? undefined : served);
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'host-tests-'));
const extensions = path.join(scratch, 'extensions');
// The extension host's console does not reach this terminal from a server: the suite writes there instead.
const log = path.join(scratch, 'log.txt');
process.env.DELTALENS_TEST_LOG = program === served ? log : '';
// The package has the same code: what it could lack (a bundle, the server, the runtime, a page) is missed by these.
if (flag('packaged') !== undefined)
  process.env.DELTALENS_TEST_FILES = 'activation,checkpoint-editor,diagnostics,server';

let code = 1;
try {
  const developed = installedExtension() ?? root;
  code = await runTests({
    ...(program ? { vscodeExecutablePath: program } : { version: process.env.VSCODE_VERSION ?? 'stable' }),
    extensionDevelopmentPath: developed,
    extensionTestsPath: path.join(root, 'dist/test/host/index.js'),
    launchArgs: [
      workspace(),
      `--user-data-dir=${path.join(scratch, 'user')}`,
      `--extensions-dir=${extensions}`,
      '--disable-workspace-trust',
    ],
  });
} catch (error) {
  console.error(String(error));
}
if (fs.existsSync(log)) process.stdout.write(fs.readFileSync(log));
fs.rmSync(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
process.exit(code);

/** A copy of the samples, so that tests may write; without the setting that opens a panel at startup. */
function workspace() {
  const copy = path.join(scratch, 'samples');
  fs.cpSync(path.join(root, 'samples'), copy, { recursive: true });
  fs.rmSync(path.join(copy, '.vscode'), { recursive: true, force: true });
  return copy;
}

/** With `--packaged`: installs the vsix and gives the stub extension that carries the tests. */
function installedExtension() {
  if (flag('packaged') === undefined) return undefined;
  const vsix = vsixFile();
  const words = [`--extensions-dir=${extensions}`, `--install-extension=${vsix}`, '--force'];
  const { status } = spawnSync(program ?? 'code', words, { stdio: 'inherit' });
  if (status !== 0) throw new Error(`${vsix} could not be installed.`);
  const stub = path.join(scratch, 'stub');
  fs.mkdirSync(stub);
  const manifest = {
    name: 'deltalens-host-tests',
    publisher: 'deltalens',
    version: '0.0.0',
    engines: { vscode: '^1.100.0' },
    activationEvents: [],
  };
  fs.writeFileSync(path.join(stub, 'package.json'), JSON.stringify(manifest));
  return stub;
}
