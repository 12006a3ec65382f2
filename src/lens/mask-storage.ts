import type { Study } from '../model/study';
import type { Table, TableCell } from '../protocol/artifact';
import type { TensorGroup } from './group-pass';
import { deltaBytes } from '../model/task-vector';

/** Bytes for storing every task whole, and for the base, one sum and a bit per entry and task. */
export function maskStorageTable(study: Study, groups: readonly TensorGroup[]): Table {
  const base = groups.reduce((sum, { base: entry }) => sum + entry.span.bytes, 0);
  const own = groups.reduce(
    (sum, { members }) => sum + members.reduce((bytes, { delta }) => bytes + deltaBytes(delta), 0),
    0,
  );
  const masks = groups.reduce(
    (sum, { base: entry }) => sum + study.tasks.length * Math.ceil(entry.span.count / 8),
    0,
  );
  const separate = base + own;
  const packed = 2 * base + masks;
  const share = (bytes: number) => (separate > 0 ? bytes / separate : null);
  return {
    kind: 'table',
    id: 'storage',
    title: 'Storage',
    caption:
      'An estimate: the tensors that tasks change, τ_MTL in the precision of the base, masks as one bit per entry and task without further packing. Adapters are stored as their factors when kept separately.',
    columns: [
      { name: 'what', title: 'What is stored', type: 'text' },
      { name: 'bytes', title: 'Bytes', type: 'bytes' },
      { name: 'share', title: 'Share of separate storage', type: 'share' },
    ],
    rows: [
      ['base and every task', separate, share(separate)],
      ['base, τ_MTL and masks', packed, share(packed)],
      ['masks alone', masks, share(masks)],
    ] satisfies TableCell[][],
  };
}
