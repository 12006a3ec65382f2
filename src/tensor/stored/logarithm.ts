import { bytesFor, decode } from '../decode';
import { fillFloats } from './float-elements';
import type { LogarithmStore, StoredForm } from './stored';

/** ln(−x) of whole elements: the decay of a state-space model, which conversion to GGUF stores as −exp(A_log). */
export const readLogarithm: StoredForm<LogarithmStore> = ({ source }, offset, target, read) =>
  fillFloats(offset, target, (first, floats) => {
    const size = bytesFor(source.dtype, 1);
    const bytes = new Uint8Array(floats.length * size);
    const problem = read(source, first * size, bytes);
    if (problem !== null) return problem;
    const values = decode(source.dtype, bytes, floats.length);
    for (let i = 0; i < floats.length; i++) floats[i] = Math.log(-(values[i] as number));
    return null;
  });
