import fs from 'node:fs';
import * as paths from 'node:path';

/** A file beside the model that holds values, or why it is refused. */
export type ExternalFile =
  | { readonly ok: true; readonly path: string; readonly bytes: number }
  | { readonly ok: false; readonly reason: string };

/**
 * Finds the files that a model keeps its values in. Only an ordinary file in the model's own folder is taken: by its
 * text a plain name without a second one elsewhere (onnx refuses hard links, too), and after all links in the folder of the
 * model or, where the model itself is a link (as in the Hugging Face cache), in the one it really lies in.
 */
export class ExternalFiles {
  private readonly known = new Map<string, ExternalFile>();

  constructor(private readonly modelPath: string) {}

  locate(location: string): ExternalFile {
    const known = this.known.get(location);
    if (known !== undefined) return known;
    const found = locate(this.modelPath, location);
    this.known.set(location, found);
    return found;
  }
}

function locate(modelPath: string, location: string): ExternalFile {
  if (modelPath === '') return { ok: false, reason: 'the model lies in no folder' };
  const reason = reasonAgainst(location);
  if (reason !== null) return { ok: false, reason };
  const folder = paths.dirname(modelPath);
  const path = paths.join(folder, location);
  try {
    const real = fs.realpathSync(path);
    const roots = [fs.realpathSync(folder), paths.dirname(fs.realpathSync(modelPath))];
    if (!roots.includes(paths.dirname(real))) {
      return { ok: false, reason: `it is a link out of the folder, to ${real}` };
    }
    const found = fs.statSync(real);
    if (!found.isFile()) return { ok: false, reason: 'it is no ordinary file' };
    // An archive can carry a second name of any file of the disk that it is unpacked on (GHSA-cmw6-hcpp-c6jp).
    if (found.nlink > 1) return { ok: false, reason: 'it has another name elsewhere (a hard link): copy it' };
    return { ok: true, path, bytes: found.size };
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    return { ok: false, reason: missing ? 'there is no such file' : 'it cannot be opened' };
  }
}

/** Why a name is refused whatever lies on the disk. */
function reasonAgainst(location: string): string | null {
  const plain = location.startsWith('./') ? location.slice(2) : location;
  if (plain === '' || plain === '.' || plain === '..') return 'it names no file';
  if (/[/\\]/.test(plain)) return 'it names a file by a path';
  if ([...plain].some((character) => character < ' ')) return 'its name has a control character';
  if (/^[a-z][a-z0-9+.-]*:/i.test(plain)) return 'it is named by a URL or a drive';
  return null;
}
