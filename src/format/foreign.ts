import { Buffer } from 'node:buffer';
import * as paths from 'node:path';
import type { Problem } from '../protocol/result';
import { formatProblem, type FormatCode } from './problems';

/** So many first bytes tell what a file is. */
export const FOREIGN_WITHIN = 512;

interface Signature {
  readonly code: FormatCode;
  readonly what: string;
  readonly matches: (start: string, name: string) => boolean;
}

/** Looked through in this order; `start` holds one character per byte. */
const SIGNATURES: readonly Signature[] = [
  {
    code: 'git-lfs-pointer',
    what: 'is a Git LFS pointer, a few lines of text that stand for the real file',
    matches: (start) => start.startsWith('version https://git-lfs.github.com/'),
  },
  {
    code: 'web-page',
    what: 'is a web page',
    matches: (start) => /^(\xef\xbb\xbf)?\s*<(!doctype|html|head|\?xml|!--)/i.test(start),
  },
  {
    code: 'web-page',
    what: 'is JSON text, for example the answer of a server that refused the download',
    matches: (start, name) => /^\s*[{[]\s*"/.test(start) && !name.endsWith('.json'),
  },
  unsupported(
    'a ggml file of llama.cpp from before GGUF (its convert_llama_ggml_to_gguf.py makes one of it)',
    (start) => /^[ft][mj]gg/.test(start),
  ),
  unsupported('a ZIP archive of neither torch nor NumPy', isZip),
  unsupported('a gzip archive', (start) => start.startsWith('\x1f\x8b')),
  unsupported('a tar archive that torch did not write', (start) => start.slice(257, 262) === 'ustar'),
];

/**
 * Says what a file is that no format recognised, from its first {@link FOREIGN_WITHIN} bytes:
 * `git-lfs-pointer`, `web-page`, `format-unsupported`. `null` where the bytes are of nothing known.
 */
export function foreignFile(path: string, start: Uint8Array): Problem | null {
  const text = Buffer.from(start).toString('latin1');
  const name = paths.basename(path).toLowerCase();
  const known = SIGNATURES.find((signature) => signature.matches(text, name));
  return known ? formatProblem(known.code, path, `${path} ${known.what}.`, 'byte 0') : null;
}

function unsupported(what: string, matches: Signature['matches']): Signature {
  return { code: 'format-unsupported', what: `is ${what}, which cannot be opened yet`, matches };
}

function isZip(start: string): boolean {
  return start.startsWith('PK\x03\x04');
}
