// The licences of what the package contains beside our own code, as most of them ask for.
import fs from 'node:fs';
import path from 'node:path';

/** In the package without being bundled. */
const COPIED = ['@vscode/codicons', 'onnxruntime-common', 'onnxruntime-node'];

/**
 * Text with name, version and licence of every npm package that went into bundles.
 * @param {readonly import('esbuild').Metafile[]} metafiles
 */
export function licenceNotices(metafiles) {
  // What was parsed and left out again is in no bundle.
  const outputs = metafiles.flatMap((metafile) => Object.values(metafile.outputs));
  const inputs = outputs.flatMap((output) =>
    Object.entries(output.inputs).flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? [file] : [])),
  );
  // The innermost package where one is nested in another's node_modules.
  const bundled = inputs.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []);
  const folders = new Set([...bundled, ...COPIED.map((name) => `node_modules/${name}`)]);
  const notices = [...folders].sort().map(notice);
  return `Deltalens contains the following packages.\n\n${notices.join('\n\n')}\n`;
}

/** @param {string} folder */
function notice(folder) {
  const { name, version, license } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const files = fs.readdirSync(folder).filter((file) => /^(licen[cs]e|thirdpartynotices)/i.test(file));
  const texts = files.map((file) => fs.readFileSync(path.join(folder, file), 'utf8').trim());
  return [`${'='.repeat(80)}\n${name} ${version} (${license})`, ...texts].join('\n\n');
}
