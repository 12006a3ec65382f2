import { Buffer } from 'node:buffer';
import { global, pickle, pickled, torchLegacyFile, type Plain } from '../format/torch-files';
import { openFiles } from './expectations';
import { PICKLED, STORAGES } from './torch-seeds';
import type { FuzzTarget } from './target';

const HALVES = { 0: 6, 1: 6 };

/** What torch wrote before 1.6. */
export const torchLegacy: FuzzTarget = {
  name: 'torch-legacy',
  modules: /format\/(?:torch-legacy|torch-storage|torch-checkpoint|pickle|pickle-\w+|state-dict)\.ts$/,
  seeds: () =>
    PICKLED.slice(0, 3).map((content, i) =>
      torchLegacyFile(
        content,
        Object.entries(HALVES)
          .slice(0, i === 0 ? 2 : 1)
          .map(([key, elements]) => ({ key, elements, bytes: STORAGES[key] ?? Buffer.alloc(0) })),
      ),
    ),
  run: (bytes) => openFiles('a.pt', { 'a.pt': bytes }),
};

/** A tar archive of POSIX. */
function tar(members: Readonly<Record<string, Buffer>>): Buffer {
  const blocks = Object.entries(members).flatMap(([name, content]) => {
    const head = Buffer.alloc(512);
    head.write(name, 0, 'latin1');
    head.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
    head.write('ustar\x0000', 257, 'latin1');
    return [head, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function list(...parts: readonly Plain[]): Plain {
  return { raw: Buffer.concat([Buffer.from('('), ...parts.map(pickled), Buffer.from('t')]) };
}

function tarOfTorch(): Buffer {
  const long = (...values: readonly number[]) => Buffer.from(BigInt64Array.from(values.map(BigInt)).buffer);
  const storage = pickle(list(40, 'cpu', { raw: global('torch', 'FloatStorage') }));
  const tensor = pickle(list(7, 40, { raw: global('torch', 'FloatTensor') }));
  const reference = { raw: Buffer.concat([pickled('7'), Buffer.from('Q')]) };
  const axes = Buffer.from(Int32Array.of(1, 0).buffer);
  return tar({
    sys_info: pickle({ raw: Buffer.from(')') }),
    pickle: pickle({ dict: [['w', reference]] }),
    tensors: Buffer.concat([pickle(1), tensor, axes, long(6, 1, 0)]),
    storages: Buffer.concat([
      pickle(1),
      storage,
      long(6),
      Buffer.alloc(24, 1),
      pickle({ raw: Buffer.from(']') }),
    ]),
  });
}

/** What torch wrote before 0.1.10. */
export const torchTar: FuzzTarget = {
  name: 'torch-tar',
  modules: /format\/(?:torch-tar|tar-directory|torch-storage|torch-checkpoint|pickle-\w+)\.ts$/,
  seeds: () => [tarOfTorch()],
  run: (bytes) => openFiles('a.pt', { 'a.pt': bytes }),
};
