import { Buffer } from 'node:buffer';
import { safetensorsFile } from './files';

/** A file that has to be refused. */
export interface Bad {
  readonly what: string;
  readonly file: Buffer;
  readonly code: string;
  /** What the message must say besides the path. */
  readonly says: RegExp;
  readonly at?: string;
}

/** An entry of a header, right or wrong. */
export function tensor(dtype: unknown, shape: unknown, start: unknown, end: unknown): object {
  return { dtype, shape, data_offsets: [start, end] };
}

/** Two numbers at the start of the data. */
export const F32 = tensor('F32', [2], 0, 8);
/** A header with one tensor `t` of these fields. */
export const entry = (fields: string) => `{"t":{${fields}}}`;

/** Headers that are no sound JSON object of tensors and metadata. */
export const DAMAGED_HEADERS: readonly Bad[] = [
  { what: 'no bytes at all', file: Buffer.alloc(0), code: 'file-empty', says: /empty/ },
  { what: 'half a length', file: Buffer.from([9, 0, 0]), code: 'file-truncated', says: /is 5 bytes short/ },
  {
    what: 'a header of length 0',
    file: safetensorsFile(''),
    code: 'header-start',
    says: /is empty \(byte 8\)/,
  },
  {
    what: 'a header longer than the file',
    file: safetensorsFile('{}').subarray(0, 9),
    code: 'header-beyond-file',
    says: /at least 1 byte short.*claims 2 bytes.*has 9/,
  },
  {
    what: 'a header longer than 100 MB',
    file: Buffer.concat([Buffer.from([1, 0xe1, 0xf5, 5, 0, 0, 0, 0]), Buffer.from('{}')]),
    code: 'header-too-large',
    says: /claims 100000001 bytes/,
  },
  {
    what: 'a header length of 2^32 + 2',
    file: Buffer.concat([Buffer.from([2, 0, 0, 0, 1, 0, 0, 0]), Buffer.from('{}')]),
    code: 'header-too-large',
    says: /claims 4294967298 bytes/,
  },
  {
    what: 'a header length of 2^64 − 1',
    file: Buffer.concat([Buffer.alloc(8, 0xff), Buffer.from('{}')]),
    code: 'header-too-large',
    says: /claims 18446744073709551615 bytes/,
  },
  {
    what: 'a header that begins with a space',
    file: safetensorsFile(' {}'),
    code: 'header-start',
    says: /byte 0x20/,
  },
  { what: 'an array as header', file: safetensorsFile('[]'), code: 'header-start', says: /byte 0x5b/ },
  {
    what: 'a header that stops',
    file: safetensorsFile('{"t":'),
    code: 'json-syntax',
    says: /end of the text \(byte 13\)/,
  },
  {
    what: 'a NUL after the header',
    file: safetensorsFile('{}\0'),
    code: 'json-syntax',
    says: /byte 0x0.*\(byte 10\)/,
  },
  { what: 'two headers', file: safetensorsFile('{}{}'), code: 'json-syntax', says: /\(byte 10\)/ },
  {
    what: 'a name in invalid UTF-8',
    file: safetensorsFile(Buffer.from('{"\xff":1}', 'latin1')),
    code: 'json-utf8',
    says: /UTF-8 \(byte 10\)/,
  },
  {
    what: 'a surrogate in a name',
    file: safetensorsFile('{"\\ud83d":1}'),
    code: 'json-syntax',
    says: /escape.*\(byte 10\)/,
  },
  {
    what: 'endless nesting',
    file: safetensorsFile(entry(`"x":${'['.repeat(100_000)}`)),
    code: 'json-depth',
    says: /deeper than 64/,
  },
  {
    what: 'one tensor name twice',
    file: safetensorsFile(
      `{"t":${JSON.stringify(F32)},"t":${JSON.stringify(tensor('F32', [2], 8, 16))}}`,
      16,
    ),
    code: 'duplicate-tensor',
    says: /"t" appears a second time \(byte 62\)/,
  },
  {
    what: 'a field twice',
    file: safetensorsFile(entry('"dtype":"F32","dtype":"I32","shape":[2],"data_offsets":[0,8]'), 8),
    code: 'json-duplicate-key',
    says: /tensor "t".*"dtype" appears a second time/,
    at: 't',
  },
  {
    what: '__metadata__ twice',
    file: safetensorsFile('{"__metadata__":{},"__metadata__":{}}'),
    code: 'duplicate-tensor',
    says: /"__metadata__" appears a second time/,
  },
  {
    what: 'a key of __metadata__ twice',
    file: safetensorsFile('{"__metadata__":{"a":"1","a":"2"}}'),
    code: 'json-duplicate-key',
    says: /__metadata__.*"a" appears a second time/,
    at: '__metadata__',
  },
  {
    what: 'a number in __metadata__',
    file: safetensorsFile({ __metadata__: { epoch: 3 } }),
    code: 'metadata-not-text',
    says: /expected a string, found a number \(byte 33\)/,
  },
  {
    what: 'a list as __metadata__',
    file: safetensorsFile({ __metadata__: [] }),
    code: 'metadata-not-text',
    says: /expected an object, found an array/,
  },
  {
    what: 'a number as tensor',
    file: safetensorsFile({ t: 1 }),
    code: 'tensor-entry',
    says: /expected an object/,
    at: 't',
  },
  {
    what: 'a tensor named __proto__ that is none',
    file: safetensorsFile('{"__proto__":null}'),
    code: 'tensor-entry',
    says: /"__proto__"/,
    at: '__proto__',
  },
];
