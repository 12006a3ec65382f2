import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { eventually, VSCode } from './vscode';

let code: VSCode;
before(async () => {
  code = await VSCode.start();
});
after(() => code.stop());

test('an adapter is baked into its base after its report was shown, and the result opens', () =>
  code.inWindow(async (window) => {
    await window.openView('Deltalens');
    const row = window.treeItem(/^json-r8/);
    await row.waitFor();
    const output = path.join(code.workspace, 'charlm', 'lora', 'json-r8-baked');
    fs.rmSync(output, { recursive: true, force: true });
    await window.contextMenu(row, 'Bake into Base…');
    await eventually(async () => /json-r8-baked/.test(await window.input().inputValue()));
    await window.page.keyboard.press('Enter');
    const dialog = window.page.getByRole('dialog');
    await dialog
      .getByText(/json-r8 added to 28 of 38 tensors/)
      .first()
      .waitFor();
    assert.ok(!fs.existsSync(output), 'nothing is written before the user says so');
    await dialog.getByRole('button', { name: 'Write' }).click();
    await window.tab(/model\.safetensors/).waitFor();
    assert.deepEqual(fs.readdirSync(output).sort(), ['config.json', 'model.safetensors']);
  }));
