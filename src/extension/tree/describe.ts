import type { ExplorerEntry, PlaceNode } from '../../protocol/explorer';

/** `623,744` → `624K`, `7,241,732,096` → `7.24B`: three digits, as model cards write it. */
export function compactCount(count: number): string {
  return new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 }).format(count);
}

/** Bytes in powers of 1024 with the unit that keeps the number below 1024: `1.2 MiB`. */
export function byteSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit] ?? ''}`;
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
