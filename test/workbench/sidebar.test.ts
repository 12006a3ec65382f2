import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { VSCode } from './vscode';

let code: VSCode;
before(async () => {
  code = await VSCode.start();
});
after(() => code.stop());

test('the sidebar lists families with the base first, and layers, modules and tensors below a checkpoint', async () => {
  const window = await code.open();
  await window.openView('Deltalens');
  await window.treeItem(/^rot90/).waitFor();
  const rows = await window.page.getByRole('treeitem').allInnerTexts();
  const order = ['base', 'invert', 'rot90', 'vflip'].map((name) =>
    rows.findIndex((row) => row.startsWith(name)),
  );
  assert.ok(
    order[0] !== undefined && order.every((at) => at >= 0 && at >= (order[0] ?? 0)),
    rows.join(' | '),
  );

  await window.unfold(/^rot90/);
  await window.unfold(/^layer 3/);
  await window.unfold(/^attention\.query/);
  await window.treeItem(/query\.weight/).waitFor();
  await window.close();
});

test('a click in the tree opens the checkpoint', async () => {
  const window = await code.open();
  await window.openView('Deltalens');
  await window.treeItem(/^rot90/).click();
  await window.tab(/model\.safetensors/).waitFor();
  await window
    .webview()
    .getByRole('gridcell', { name: /embeddings/ })
    .first()
    .waitFor();
  await window.close();
});

test('the inline action of a fine-tune compares it with its base', async () => {
  const window = await code.open();
  await window.openView('Deltalens');
  // Rows move while the workspace is still being looked through.
  await window.explored();
  const row = window.treeItem(/^invert/);
  await row.hover();
  await row.getByRole('button', { name: /Compare with Base/ }).click();
  const heatmap = window.webview().getByRole('application').first();
  assert.match((await heatmap.getAttribute('aria-label')) ?? '', /invert/);
  await window.close();
});
