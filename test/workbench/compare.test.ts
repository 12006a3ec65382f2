import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { ResultPage } from './result-page';
import { VSCode } from './vscode';

let code: VSCode;
before(async () => {
  code = await VSCode.start();
});
after(() => code.stop());

test('two folders selected in the explorer are compared, whichever of them is the base', () =>
  code.inWindow(async (window) => {
    await window.explored();
    await window.openView('Explorer');
    await window.unfold('vit-digits');
    await window.treeItem('vflip').click({ modifiers: ['Alt'] });
    await window.treeItem('base').click({ modifiers: ['ControlOrMeta'] });
    await window.contextMenu(window.treeItem('base'), 'Compare Selected');
    const label = await new ResultPage(window).heatmap.getAttribute('aria-label');
    assert.match(label ?? '', /vflip/);
  }));

test('an adapter is compared with the base that its configuration names', () =>
  code.inWindow(async (window) => {
    await window.explored();
    await window.openView('Explorer');
    for (const folder of ['charlm', 'lora']) await window.unfold(folder);
    await window.contextMenu(window.treeItem('json-r8'), 'Compare with Base…');
    const label = await new ResultPage(window).heatmap.getAttribute('aria-label');
    assert.match(label ?? '', /json-r8/);
  }));

test('a study whose base was missing runs again after its file was corrected', () =>
  code.inWindow(async (window) => {
    const file = path.join(code.workspace, 'corrected.study.yaml');
    const study = (base: string) => `name: corrected\nbase: ${base}\ntasks:\n  rot90: vit-digits/rot90\n`;
    fs.writeFileSync(file, study('vit-digits/nowhere'));
    await window.explored();
    await window.command('Deltalens: Open Study', 'corrected.study.yaml');
    const page = new ResultPage(window);
    await window.webview().getByRole('alert').waitFor();
    await window.command('Deltalens: Export Result…');
    await window.page.getByText('There is no result to export yet.').first().waitFor();
    fs.writeFileSync(file, study('vit-digits/base'));
    await page.button('Run Again').click();
    const label = await page.heatmap.getAttribute('aria-label');
    assert.match(label ?? '', /rot90/);
  }));

test('the palette runs a lens on a study', () =>
  // Where something is selected in the tree, the palette runs the lens on that.
  code.inFreshWindow(async (window) => {
    await window.explored();
    await window.command('Deltalens: Run Lens…', 'vit-digits.study.yaml', 'task-similarity');
    const label = await new ResultPage(window).heatmap.getAttribute('aria-label');
    assert.match(label ?? '', /3 rows, 3 columns/);
  }));

test('the palette offers an export only while a result is in front', () =>
  code.inWindow(async (window) => {
    await window.explored();
    const exportEntry = window.page.locator('.quick-input-list .monaco-list-row', {
      hasText: 'Deltalens: Export Result',
    });
    // The list draws the rows in sight only: few are left of what has these words.
    await window.palette('Deltalens: Export');
    await window.row('Show ONNX Export Command').waitFor();
    assert.equal(await exportEntry.count(), 0);
    await window.page.keyboard.press('Escape');
    await window.command('Deltalens: Open Study', 'vit-digits.study.yaml');
    await new ResultPage(window).heatmap.waitFor();
    await window.palette('Deltalens: Export');
    await exportEntry.waitFor();
  }));

test('the inline action of a fine-tune compares it with its base', () =>
  code.inWindow(async (window) => {
    await window.openView('Deltalens');
    // Rows move while the workspace is still being looked through.
    await window.explored();
    const row = window.treeItem(/^invert/);
    await row.hover();
    await row.getByRole('button', { name: /Compare with Base/ }).click();
    const heatmap = window.webview().getByRole('application').first();
    assert.match((await heatmap.getAttribute('aria-label')) ?? '', /invert/);
  }));
