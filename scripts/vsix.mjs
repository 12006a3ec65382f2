// Names of the packaged extension.
import fs from 'node:fs';
import path from 'node:path';
import { root } from './run.mjs';

/** Platforms that onnxruntime-node has binaries for: VS Code's name → the folder in onnxruntime-node. */
export const TARGETS = {
  'linux-x64': 'linux/x64',
  'linux-arm64': 'linux/arm64',
  'win32-x64': 'win32/x64',
  'win32-arm64': 'win32/arm64',
  'darwin-arm64': 'darwin/arm64',
};

/** VS Code's name of the platform that this runs on. */
export const currentTarget = `${process.platform}-${process.arch}`;

/** Absolute path of the packaged extension for a platform. */
export function vsixFile(target = currentTarget) {
  const { name, version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  return path.join(root, 'out', `${name}-${target}-${version}.vsix`);
}
