import type { Result } from '../protocol/result';
import type { Checkpoint, Format } from './checkpoint';
import { scanPickles } from './pickle';
import { globalFindings } from './pickle-globals';
import { refuse } from './problems';
import { readStart, withFile } from './read';

const ENDINGS = ['.pkl', '.pickle', '.p', '.joblib', '.bin', '.pt', '.pth', '.ckpt', '.dat', '.data'];
const LARGEST = 2 ** 26;
/** PROTO, then 2 to 5. */
const PROTOCOL = 0x80;
const START = 4096;
const MOST_NAMES = 6;
/** A name of Python. */
const DOTTED = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+$/;

/**
 * A pickle that is no file of torch. It has no tensors that could be shown; what matters is what loading it in Python would
 * do. Always fails: with `pickle-runs-code` or `pickle-unknown-object`, naming what would be called, or with
 * `format-unsupported`.
 */
function open(path: string): Promise<Result<Checkpoint>> {
  return withFile(path, async (file) => {
    const bytes = await file.read(0, Math.min(file.bytes, LARGEST));
    if (!bytes.ok) return bytes;
    const findings = globalFindings(path, scanPickles(bytes.value).globals, 0);
    const [first] = findings;
    if (first !== undefined) {
      const isKnown = findings.some(({ code }) => code === 'pickle-runs-code');
      const names = findings.map(({ message }) => /"[^"]*"/.exec(message)?.[0] ?? '').slice(0, MOST_NAMES);
      const message = `${path} is a Python pickle; loading it in Python would run what it names: ${names.join(', ')} (${first.at ?? ''}).`;
      return refuse(isKnown ? 'pickle-runs-code' : 'pickle-unknown-object', path, message, first.at);
    }
    const message = `${path} is a Python pickle that torch did not write, which has no tensors to show.`;
    return refuse('format-unsupported', path, message, 'byte 0');
  });
}

async function recognises(path: string): Promise<boolean> {
  const start = await readStart(path, START);
  if (!start.ok) return false;
  const [first = 0, version = 0] = start.value;
  if (first === PROTOCOL && version >= 2 && version <= 5) return true;
  // Protocol 0 and 1 begin like any text: only by name, and where there is something that a pickle has.
  const named = ENDINGS.some((ending) => path.toLowerCase().endsWith(ending));
  return named && scanPickles(start.value).globals.some(({ name }) => DOTTED.test(name));
}

/** A Python pickle of others: recognised in order to say what is in it. */
export const pickleFile: Format = {
  description: {
    id: 'pickle',
    title: 'Python pickle',
    endings: [],
    supports: ['says which functions loading it in Python would call; shows no tensors'],
  },
  recognises,
  open,
};
