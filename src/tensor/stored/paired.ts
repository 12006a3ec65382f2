import type { PairedStore, StoredForm } from './stored';

/** Rows of heads in the order of halves, out of rows in pairs: row t·n/2 + j of a head of n rows is its row 2j + t on disk. */
export const readPaired: StoredForm<PairedStore> = ({ rowBytes, headRows, source }, offset, target, read) => {
  const half = headRows / 2;
  for (let done = 0; done < target.length;) {
    const row = Math.floor((offset + done) / rowBytes);
    const within = offset + done - row * rowBytes;
    const inHead = row % headRows;
    const inPairs = inHead < half ? 2 * inHead : 2 * (inHead - half) + 1;
    const length = Math.min(rowBytes - within, target.length - done);
    const place = (row - inHead + inPairs) * rowBytes + within;
    const problem = read(source, place, target.subarray(done, done + length));
    if (problem !== null) return problem;
    done += length;
  }
  return null;
};
