import { success } from '../../protocol/result';
import type { DataFormat } from './data-set';
import type { Field } from './record';
import { openRecords } from './record-lines';
import { dataSetOfRecords } from './record-set';

/** One text a line. */
export const txt: DataFormat = {
  id: 'txt',
  title: 'one text a line',
  endings: ['.txt'],
  async open(path, options, near) {
    const form = { format: 'txt', quotes: false, header: false };
    const records = await openRecords(path, form, (line) =>
      success(new Map<string, Field>([['text', { kind: 'text', text: line }]])),
    );
    return records.ok ? dataSetOfRecords(records.value, { ...options, text: 'text' }, near) : records;
  },
};
