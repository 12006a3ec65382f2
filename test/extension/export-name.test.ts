import assert from 'node:assert/strict';
import test from 'node:test';
import { exportName } from '../../src/extension/panels/export-name';

test('an export is named after its study and lens', () => {
  assert.equal(exportName('vit-digits', 'delta-profile', 'svg'), 'vit-digits-delta-profile.svg');
});

test('the name of a study cannot lead out of the folder or to a hidden file', () => {
  assert.equal(exportName('../../etc/passwd', 'summary', 'csv'), 'etc-passwd-summary.csv');
  assert.equal(exportName('.. \\ :*?"<>|', 'summary', 'csv'), 'summary.csv');
});
