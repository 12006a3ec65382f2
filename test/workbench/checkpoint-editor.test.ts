import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, test } from 'node:test';
import { readFloat32Tensors } from './plain-safetensors';
import { VSCode } from './vscode';

let code: VSCode;
before(async () => {
  code = await VSCode.start();
});
after(() => code.stop());

test('a checkpoint opens as a table of its tensors, and a tensor shows its histogram', async () => {
  const window = await code.open();
  await window.openFile('vit-digits', 'rot90', 'model.safetensors');
  const editor = window.webview();
  await editor.getByRole('grid').waitFor();
  const tensors = readFloat32Tensors(`${code.workspace}/vit-digits/rot90/model.safetensors`);
  assert.equal(await editor.getByRole('grid').getAttribute('aria-rowcount'), String(tensors.size + 1));

  await editor.getByRole('searchbox').fill('layer.3.attention.attention.query');
  await editor.getByRole('gridcell', { name: /encoder\.layer\.3\..*query\.weight/ }).click();
  await editor.locator('.histogram svg rect').first().waitFor();
  const [name = '', values] = [...tensors].find(([key]) => /layer\.3\..*query\.weight$/.test(key)) ?? [];
  const largest = (values ?? new Float32Array()).reduce((most, value) => Math.max(most, value), -Infinity);
  const shown = await editor.locator('dl.figures div', { hasText: /^max/ }).first().locator('dd').innerText();
  assert.ok(
    Math.abs(Number(shown) - largest) <= 1e-5 * Math.abs(largest),
    `${name}: ${shown}, by hand ${largest}`,
  );
  await window.close();
});

test('an open checkpoint says that its file was removed, and shows the file again when it is back', async () => {
  const window = await code.open();
  const file = `${code.workspace}/vit-digits/vflip/model.safetensors`;
  await window.openFile('vit-digits', 'vflip', 'model.safetensors');
  const editor = window.webview();
  await editor.getByRole('grid').waitFor();
  fs.renameSync(file, `${file}.away`);
  const message = await editor.getByRole('alert').innerText();
  assert.match(message, /vflip.*no such file/);
  fs.renameSync(`${file}.away`, file);
  await editor.getByRole('grid').waitFor();
  await window.close();
});
