import type { Finding } from '../protocol/finding';
import type { PickleGlobal } from './pickle-reader';
import { formatFinding, quoted } from './problems';

/** What state dicts of tensors name, and what torch's own loader with weights_only takes. */
const PLAIN: readonly RegExp[] = [
  /^collections\.(?:OrderedDict|defaultdict|Counter)$/,
  /^torch\.(?:\w*Storage|storage\.(?:Untyped|Typed)Storage)$/,
  /^torch\.(?:Size|device|Tensor|nn\.parameter\.Parameter)$/,
  /^torch\.(?:b?float|u?int|q?u?int|complex|bool|bfloat|half|double|long|short|float8_)\w*$/,
  /^torch\._utils\._rebuild_(?:tensor(?:_v[23])?|parameter(?:_with_state)?|qtensor|sparse_tensor|sparse_csr_tensor|meta_tensor_no_storage)$/,
  /^torch\.(?:per_(?:tensor|channel)_affine\w*|sparse_\w+|strided)$/,
  /^torch\._tensor\._rebuild_from_type_v2$/,
  /^torch\.serialization\._get_layout$/,
  /^numpy\.(?:_?core\.(?:multiarray\.(?:scalar|_reconstruct)|numeric\._frombuffer)|dtype|ndarray)$/,
  /^_codecs\.encode$/,
  /^__torch__\./,
];

/** What runs programs, reads or writes files, opens connections, or calls anything by its name. */
const DANGEROUS: readonly RegExp[] = [
  /^(?:os|posix|nt|subprocess|commands|pty|platform|popen2|shutil|socket|ssl|http|urllib|requests|aiohttp|httplib|ftplib|smtplib|imaplib|poplib|nntplib|telnetlib|xmlrpc|socketserver|_io|_aix_support|_osx_support|_pyrepl|_pyio|asyncio|multiprocessing|ctypes|cffi|importlib|imp|pkgutil|runpy|code|codeop|pdb|bdb|cProfile|profile|trace|timeit|doctest|idlelib|lib2to3|distutils|pip|ensurepip|venv|webbrowser|antigravity|signal|sys|builtins|__builtin__|functools|operator|types|marshal|pickle|_pickle|cloudpickle|dill|joblib|shelve|sqlite3|tempfile|glob|io|pathlib|zipimport|site|test|pydoc|uuid|bz2|logging|torch\.(?:hub|load|_inductor|_dynamo|utils|storage\._load_from_bytes|jit|distributed|serialization\.load)|numpy\.(?:testing|f2py|load|distutils|DataSource)|tensorflow|keras|onnxruntime)(?:\.|$)/,
];

/** Members of the modules above that make plain values. */
const HARMLESS_BUILTINS =
  /^(?:builtins|__builtin__)\.(?:set|frozenset|list|dict|tuple|int|float|bool|str|bytes|bytearray|complex|slice|range|object)$/;
const PLAIN_PATHS = /^pathlib\.(?:Pure)?(?:Posix|Windows)?Path$/;

/** More names in one file help nobody, and a hostile one may have a million. */
const MOST_FINDINGS = 100;

/**
 * What the globals of a pickle say of it, one finding for each name: `pickle-runs-code` for what runs programs, touches files
 * or calls by name, `pickle-unknown-object` for other classes and functions that no plain state dict has. `start` is where
 * the pickle begins in the file. Of very many the worst are given, and the number of the others.
 */
export function globalFindings(path: string, globals: readonly PickleGlobal[], start: number): Finding[] {
  const all = globals.flatMap((one) => findingOf(path, one, start) ?? []);
  if (all.length <= MOST_FINDINGS) return all;
  const ranked = all.toSorted((x, y) => Number(y.severity === 'error') - Number(x.severity === 'error'));
  const rest = all.length - MOST_FINDINGS;
  const message = `${path}: the pickle names ${String(rest)} more classes or functions.`;
  return [...ranked.slice(0, MOST_FINDINGS), formatFinding('pickle-unknown-object', path, message)];
}

function findingOf(path: string, { name, at, called }: PickleGlobal, start: number): Finding | null {
  if (PLAIN.some((pattern) => pattern.test(name)) || HARMLESS_BUILTINS.test(name)) return null;
  const place = `byte ${String(start + at)}`;
  const use = called ? 'would call' : 'names';
  const dangerous = DANGEROUS.some((pattern) => pattern.test(name)) && !PLAIN_PATHS.test(name);
  if (dangerous) {
    const message = `${path}: the pickle ${use} ${quoted(name)}, which can run programs, touch files or call anything by name (${place}).`;
    return formatFinding('pickle-runs-code', path, message, place);
  }
  const message = `${path}: the pickle ${use} ${quoted(name)}, which is no part of a plain state dict (${place}).`;
  return formatFinding('pickle-unknown-object', path, message, place);
}
