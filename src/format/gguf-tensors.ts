import type { Finding } from '../protocol/finding';
import { success, type Result } from '../protocol/result';
import { bitsOf } from '../tensor/decode';
import type { TensorSpan } from '../tensor/span';
import type { BlockFormat } from '../tensor/stored/blocks/block-format';
import { BLOCK_FORMATS } from '../tensor/stored/blocks/registry';
import type { TensorEntry } from './checkpoint';
import type { GgufHeader, GgufTensorInfo } from './gguf-header';
import { ggmlType, unknownTypeText, type GgmlType } from './gguf-types';
import { countOf, formatFinding, quoted, refuse } from './problems';
import type { FileState } from './read';

/** A tensor with the bytes that it takes in the file. */
interface Placed {
  readonly info: GgufTensorInfo;
  readonly type: GgmlType;
  readonly count: number;
  readonly start: number;
  readonly bytes: number;
}

/**
 * Places the tensors of a header in its file: sizes in checked arithmetic, none beyond the file, no two over each other. The
 * dimensions of ggml, the fastest first, become the usual shape. Fails with `gguf-tensor-shape`, `gguf-duplicate-tensor`,
 * `gguf-tensor-overlap`, `file-truncated`; what is of an unknown type is left out with a finding.
 */
export function placeTensors(
  file: FileState,
  header: GgufHeader,
): Result<{ readonly tensors: readonly TensorEntry[]; readonly findings: readonly Finding[] }> {
  const { path } = file;
  const dataStart = Math.ceil(header.bytes / header.alignment) * header.alignment;
  const placed: Placed[] = [];
  const unread = new Map<string, GgufTensorInfo[]>();
  const names = new Set<string>();
  for (const info of header.tensors) {
    if (names.has(info.name)) {
      const message = `${path} has two tensors by the name ${quoted(info.name)} (byte ${String(info.at)}).`;
      return refuse('gguf-duplicate-tensor', path, message, info.name);
    }
    names.add(info.name);
    const type = ggmlType(info.type);
    if (type === undefined) {
      const reason = `is of type ${unknownTypeText(info.type)}`;
      unread.set(reason, [...(unread.get(reason) ?? []), info]);
      continue;
    }
    const size = sizeOf(info, type, dataStart);
    if ('reason' in size) {
      const message = `${path}: ${quoted(info.name)} ${size.reason} (byte ${String(info.at)}).`;
      return refuse('gguf-tensor-shape', path, message, info.name);
    }
    placed.push({ info, type, ...size });
  }
  const torn = truncated(file, placed) ?? overlapping(path, placed);
  if (torn !== null) return torn;
  const findings = [
    ...unreadFindings(path, unread),
    ...layoutFindings(path, placed, header, dataStart, unread.size > 0),
  ];
  return success({ tensors: placed.map((each) => entryOf(path, each, header.bigEndian)), findings });
}

/** Number of elements, place and bytes; a reason where dimensions and type do not go together. */
function sizeOf(
  { dimensions, offset }: GgufTensorInfo,
  type: GgmlType,
  dataStart: number,
): Pick<Placed, 'count' | 'start' | 'bytes'> | { readonly reason: string } {
  const exact = dimensions.reduce((product, length) => product * BigInt(length), 1n);
  const shape = dimensions.toReversed().join('×');
  // Eight bytes an element: what comes out may be larger than what is on disk.
  if (exact * 8n > BigInt(Number.MAX_SAFE_INTEGER))
    return { reason: `claims ${shape} elements, more than any file has` };
  const count = Number(exact);
  const { elements, bytes } = blockOf(type);
  const row = dimensions[0] ?? 1;
  if (row % elements !== 0) {
    const name = type.kind === 'plain' ? type.dtype : type.format;
    return { reason: `is ${shape}: rows of ${name} are multiples of ${String(elements)} elements` };
  }
  const size = (count / elements) * bytes;
  if (!Number.isSafeInteger(dataStart + offset + size))
    return { reason: `lies ${String(offset)} bytes behind the header, beyond 2^53` };
  return { count, start: dataStart + offset, bytes: size };
}

function blockOf(type: GgmlType): Pick<BlockFormat, 'elements' | 'bytes'> {
  return type.kind === 'blocks' ? BLOCK_FORMATS[type.format] : { elements: 1, bytes: bitsOf(type.dtype) / 8 };
}

/** Says how much is missing, and which tensors are whole. */
function truncated({ path, bytes }: FileState, placed: readonly Placed[]): Result<never> | null {
  const cut = placed.filter((each) => each.start + each.bytes > bytes);
  const [first] = cut;
  if (first === undefined) return null;
  const end = cut.reduce((most, each) => Math.max(most, each.start + each.bytes), 0);
  const short = `${path} is ${countOf(end - bytes, 'byte')} short`;
  const sizes = `its header describes ${String(end)} bytes, the file has ${String(bytes)}`;
  const whole = `${String(placed.length - cut.length)} of ${countOf(placed.length, 'tensor')} are whole`;
  const more = cut.length > 1 ? ` and ${String(cut.length - 1)} more are not` : ' is not';
  const message = `${short}: ${sizes}. ${whole}; ${quoted(first.info.name)}${more}.`;
  return refuse('file-truncated', path, message, first.info.name);
}

function overlapping(path: string, placed: readonly Placed[]): Result<never> | null {
  const ordered = placed.filter(({ bytes }) => bytes > 0).sort((a, b) => a.start - b.start);
  for (const [index, next] of ordered.entries()) {
    const before = ordered[index - 1];
    if (before === undefined || before.start + before.bytes <= next.start) continue;
    const names = `${quoted(before.info.name)} and ${quoted(next.info.name)}`;
    const message = `${path}: ${names} share the data at byte ${String(next.start)}.`;
    return refuse('gguf-tensor-overlap', path, message, next.info.name);
  }
  return null;
}

function unreadFindings(path: string, unread: ReadonlyMap<string, readonly GgufTensorInfo[]>): Finding[] {
  return [...unread].map(([reason, infos]) => {
    const first = infos[0]?.name ?? '';
    const more = infos.length > 1 ? ` So are ${String(infos.length - 1)} more.` : '';
    return formatFinding('gguf-tensor-type', path, `${path}: ${quoted(first)} ${reason}.${more}`, first);
  });
}

/** llama.cpp wants every tensor where the one before it ends, after some bytes for the alignment. */
function layoutFindings(
  path: string,
  placed: readonly Placed[],
  { alignment }: GgufHeader,
  dataStart: number,
  hasUnread: boolean,
): Finding[] {
  const misaligned = placed.find(({ info }) => info.offset % alignment !== 0);
  if (misaligned !== undefined) {
    const { name, offset } = misaligned.info;
    const message = `${path}: ${quoted(name)} begins ${String(offset)} bytes into the data, no multiple of ${String(alignment)}.`;
    return [formatFinding('gguf-layout', path, message, name)];
  }
  if (hasUnread) return [];
  let expected = dataStart;
  for (const { info, start, bytes } of placed) {
    if (start !== expected) {
      const message = `${path}: the data of ${quoted(info.name)} begin at byte ${String(start)}, not ${String(expected)} as llama.cpp expects.`;
      return [formatFinding('gguf-layout', path, message, info.name)];
    }
    expected = start + Math.ceil(bytes / alignment) * alignment;
  }
  return [];
}

function entryOf(path: string, { info, type, count, start, bytes }: Placed, bigEndian: boolean): TensorEntry {
  const shape = info.dimensions.toReversed();
  const place = { offset: start, bytes };
  if (type.kind === 'plain') {
    const span: TensorSpan = { path, ...place, dtype: type.dtype, shape, count };
    const size = bitsOf(type.dtype) / 8;
    if (!bigEndian || size === 1) return { name: info.name, span };
    const label = `${type.dtype} (big endian)`;
    return {
      name: info.name,
      span: { ...span, offset: 0, stored: { kind: 'swapped', size, label, ...place, source: span } },
    };
  }
  const source: TensorSpan = { path, ...place, dtype: 'U8', shape: [bytes], count: bytes };
  const label = bigEndian ? `${type.format} (big endian)` : type.format;
  const stored = { kind: 'blocks', format: type.format, bigEndian, label, ...place, source } as const;
  return { name: info.name, span: { path, offset: 0, bytes: 4 * count, dtype: 'F32', shape, count, stored } };
}
