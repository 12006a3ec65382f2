// Packages the extension for one platform: `npm run package` (this machine's), `npm run package -- --target=win32-x64`.
// The result is out/deltalens-<target>-<version>.vsix. dist/ holds the production bundles while it is packed, and the
// development bundles again afterwards.
import { createVSIX } from '@vscode/vsce';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { flag, Refusal, root, run, runMain } from './run.mjs';
import { currentTarget, TARGETS, vsixFile } from './vsix.mjs';

await runMain(async () => {
  const target = flag('target') || currentTarget;
  const binaries = TARGETS[target];
  if (!binaries) throw new Refusal(`No package for ${target}. Targets: ${Object.keys(TARGETS).join(', ')}.`);

  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'package-'));
  const ignoreFile = path.join(scratch, 'vscodeignore');
  const everywhere = fs.readFileSync(path.join(root, '.vscodeignore'), 'utf8');
  fs.writeFileSync(ignoreFile, `${everywhere}!node_modules/onnxruntime-node/bin/napi-v6/${binaries}/**\n`);
  const packagePath = vsixFile(target);
  fs.mkdirSync(path.dirname(packagePath), { recursive: true });
  try {
    run(process.execPath, ['scripts/build.mjs', '--production']);
    await createVSIX({
      cwd: root,
      target,
      packagePath,
      ignoreFile,
      allowMissingRepository: true,
      rewriteRelativeLinks: false,
    });
  } finally {
    fs.rmSync(scratch, { recursive: true });
    run(process.execPath, ['scripts/build.mjs']);
  }
});
