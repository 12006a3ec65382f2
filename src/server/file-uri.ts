import { fileURLToPath, pathToFileURL } from 'node:url';

/** The absolute path behind a `file:` URI; `null` for any other scheme. Windows drive letters come out in lower case. */
export function pathOfUri(uri: string): string | null {
  if (!uri.startsWith('file:')) return null;
  try {
    return fileURLToPath(uri).replace(/^[A-Z]:/, (drive) => drive.toLowerCase());
  } catch {
    return null;
  }
}

/** The `file:` URI of an absolute path. */
export function uriOfPath(path: string): string {
  return pathToFileURL(path).href;
}
