import type { Finding } from '../../protocol/finding';
import { failure, type Problem, type Result } from '../../protocol/result';
import type { CodeDescription } from '../problems';

const SAVE_AGAIN = 'Save the data again; as it stands, its values cannot be trusted.';

const CODES = {
  'data-format': error(
    'The file is of no format that data sets are read from.',
    'Save the arrays as .npz, .npy, .safetensors or .jsonl.',
  ),
  'data-malformed': error('The bytes of a data file break off or contradict themselves.', SAVE_AGAIN),
  'data-too-large': error(
    'A data file claims or holds more than can be worked on.',
    'Take fewer samples, or split the file.',
  ),
  'data-array-type': error(
    'An array of a data file has an element type that cannot be read.',
    'Save the array as numbers: float32, int64 or another plain type.',
  ),
  'data-array-missing': error(
    'A data file has no array of the name that was asked for.',
    'Use one of the names that the message lists.',
  ),
  'data-ragged': error(
    'Samples that belong into one batch have different sizes.',
    'Pad them to one length, say with which number to pad ("pad: 0"), or run one sample at a time.',
  ),
  'data-empty': error('A data file holds no sample.', 'Check that the right file was saved.'),
  'data-sample-range': error(
    'A sample was asked for that the data do not have.',
    'Ask for samples from 0 to one below their number.',
  ),
} as const satisfies Record<string, CodeDescription>;

export type DataCode = keyof typeof CODES;

/** Every code of data sets, for `docs/findings.md`. */
export const DATA_CODES: readonly (CodeDescription & { readonly code: DataCode })[] = Object.entries(
  CODES,
).map(([code, description]) => ({ code: code as DataCode, ...description }));

/** A problem with the action that belongs to its code. `message` is whole sentences and names file and place. */
export function dataProblem(code: DataCode, path: string, message: string, at?: string): Problem {
  return { code, message, action: CODES[code].action, path, ...(at === undefined ? {} : { at }) };
}

/** {@link dataProblem} as a failed result. */
export function refuse(code: DataCode, path: string, message: string, at?: string): Result<never> {
  return failure(dataProblem(code, path, message, at));
}

/** A finding with the severity and help that belong to its code. */
export function dataFinding(code: DataCode, path: string, message: string, at?: string): Finding {
  const { severity, action } = CODES[code];
  return { code, severity, path, message, help: action, ...(at === undefined ? {} : { at }) };
}

function error(explanation: string, action: string): CodeDescription {
  return { severity: 'error', explanation, action };
}
