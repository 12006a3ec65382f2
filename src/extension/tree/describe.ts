import type { ExplorerEntry, PlaceNode } from '../../protocol/explorer';

/** `623,744` → `624 K`, `7,241,732,096` → `7.24 B`: three digits, as model cards write it. */
export function compactCount(count: number): string {
  return new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 })
    .format(count)
    .replace(/(?<=\d)(?=[A-Z])/, ' ');
}

/** Bytes in powers of 1000, three digits: `1.25 MB`. */
export function byteSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let size = bytes;
  let unit = 0;
  // 999.5 would be written as 1000.
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${unit === 0 ? size : size.toPrecision(3)} ${units[unit] ?? ''}`;
}

/** What stands in grey behind a checkpoint's name: dtypes, parameters, size. */
export function describeEntry(entry: ExplorerEntry): string {
  return [
    ...(entry.adapterKind ? [entry.adapterKind] : []),
    entry.dtypes.join(', '),
    compactCount(entry.parameters),
    byteSize(entry.bytes),
  ]
    .filter((part) => part !== '')
    .join(' · ');
}

/** What stands in grey behind a layer, module or tensor. */
export function describePlace(place: PlaceNode): string {
  const size = `${compactCount(place.parameters)} · ${byteSize(place.bytes)}`;
  return place.detail === '' ? size : `${place.detail} · ${size}`;
}

/** Whether not even the tensors can be listed. A broken adapter configuration is a problem, but leaves the tensors. */
export function isUnreadable(entry: ExplorerEntry): boolean {
  return entry.problem !== undefined && entry.tensors === 0;
}
