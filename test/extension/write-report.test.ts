import assert from 'node:assert/strict';
import test from 'node:test';
import type { WriteReport } from '../../src/protocol/write';
import { proposalFor } from '../../src/extension/write-proposal';
import { reportDetail, reportMarkdown } from '../../src/extension/write-report';

test('a result is proposed beside its source, or beside the folder that has the name', () => {
  for (const [source, kind, expected] of [
    ['/w/lora/json-r8', 'folder', '/w/lora/json-r8-baked'],
    ['/w/lora/json-r8/adapter_model.safetensors', 'folder', '/w/lora/json-r8-baked'],
    ['/w/llama-3.1-8b', 'folder', '/w/llama-3.1-8b-baked'],
    ['/w/style.safetensors', 'file', '/w/style-baked.safetensors'],
    ['/w/m/model.safetensors.index.json', 'folder', '/w/m-baked'],
    ['/w/old.ckpt', 'file', '/w/old-baked.safetensors'],
  ] as const)
    assert.equal(proposalFor(source, '-baked', kind).path, expected);
});

const report: WriteReport = {
  action: { kind: 'convert', path: '/a', metadata: 'keep', tied: 'once', mostShardBytes: null },
  output: '/w/out',
  written: false,
  opens: '/w/out/model.safetensors',
  files: [{ name: 'model.safetensors', bytes: 1_500_000 }],
  bytes: 1_500_000,
  tensors: 1,
  summary: 'One tensor.',
  tables: [
    {
      kind: 'table',
      id: 't',
      title: 'Modules',
      columns: [
        { name: 'module', title: 'Module', type: 'text' },
        { name: 'hidden', title: 'Hidden', type: 'text', hidden: true },
        { name: 'error', title: 'Error', type: 'share' },
      ],
      rows: [['a|b', 'x', 0.1234], ['c', 'y', null]], // prettier-ignore
    },
  ],
  findings: [
    { code: 'i', severity: 'information', path: '/a', message: 'By the way.', help: '' },
    { code: 'e', severity: 'error', path: '/a', message: 'Broken.', help: 'Mend it.' },
  ],
  elapsedMs: 1,
};

test('a dialog says where and how large, and the worst first', () => {
  assert.equal(
    reportDetail(report),
    'One tensor.\n\n/w/out (model.safetensors; 1.5 MB)\n\nerror: Broken.\n\ninformation: By the way.',
  );
});

test('the report as a document has every table without hidden columns', () => {
  const text = reportMarkdown('Convert', report);
  assert.match(text, /^# Convert\n\nOne tensor\./);
  assert.match(text, /- error `e`: Broken\. Mend it\./);
  assert.match(text, /\| Module \| Error \|\n\| --- \| --- \|\n\| a\\\|b \| 12\.34 % \|\n\| c \| – \|\n/);
});
