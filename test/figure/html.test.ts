import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resultToHtml } from '../../src/figure/html';
import { resultToJson } from '../../src/figure/json';
import type { LensResult } from '../../src/protocol/artifact';
import { packNumbers } from '../../src/protocol/numbers';

const HOSTILE = '<script>alert(1)</script><img src=x onerror="a">';

const RESULT: LensResult = {
  lens: 'delta-profile',
  version: 1,
  study: HOSTILE,
  parameters: { [HOSTILE]: HOSTILE },
  inputs: [{ name: HOSTILE, path: HOSTILE, fingerprint: HOSTILE }],
  artifacts: [
    {
      kind: 'matrix',
      id: 'm',
      title: HOSTILE,
      caption: HOSTILE,
      rows: [{ label: HOSTILE }],
      columns: [{ label: HOSTILE }],
      rowTitle: HOSTILE,
      columnTitle: HOSTILE,
      values: [1],
      unit: HOSTILE,
      scale: 'sequential',
      domain: [0, 1],
    },
    { kind: 'note', id: 'n', title: HOSTILE, severity: 'warning', text: HOSTILE },
    {
      kind: 'table',
      id: 't',
      title: HOSTILE,
      columns: [
        { name: 'a', title: HOSTILE, type: 'text' },
        { name: 'b', title: 'hidden column', type: 'text', hidden: true },
      ],
      rows: [[HOSTILE, 'hidden cell']],
    },
  ],
  findings: [{ code: 'c', severity: 'error', path: HOSTILE, message: HOSTILE, help: HOSTILE }],
  elapsedMs: 10,
  bytesRead: 1000,
};

test('a page holds no script, no foreign element and no reference, whatever the texts say', () => {
  const html = resultToHtml(RESULT);
  assert.doesNotMatch(html, /<(script|img|iframe|object|embed|link|base)\b/i);
  assert.doesNotMatch(html, /<[^>]*\s(src|href|on\w+)=/);
  assert.match(html, /Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/);
  assert.ok(html.includes('&lt;script&gt;'));
});

test('a page shows figures, notes, tables without hidden columns, findings and inputs', () => {
  const html = resultToHtml(RESULT);
  assert.equal(html.match(/<svg/g)?.length, 1);
  assert.match(html, /class="note warning"/);
  assert.doesNotMatch(html, /hidden c/);
  assert.match(html, /<li class="error">/);
  assert.match(html, /How this was made/);
});

test('JSON has every number in plain form, as exact as it was', () => {
  const values = Array.from({ length: 5000 }, (_, i) =>
    i % 7 === 0 ? null : Math.sin(i) * 10 ** ((i % 40) - 20),
  );
  const [matrix] = RESULT.artifacts;
  assert.ok(matrix?.kind === 'matrix');
  const packed = { ...matrix, values: packNumbers(values) };
  assert.ok('float64' in packed.values);
  const read = JSON.parse(resultToJson({ ...RESULT, artifacts: [packed] })) as {
    artifacts: { values: unknown }[];
  };
  assert.deepEqual(read.artifacts[0]?.values, values);
});
