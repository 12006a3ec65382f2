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

test('a wrong rank in adapter_config.json is underlined where it stands, and its quick fix puts it right', async () => {
  const file = path.join(code.workspace, 'charlm/lora/json-r8/adapter_config.json');
  const right = fs.readFileSync(file, 'utf8');
  fs.writeFileSync(file, right.replace('"r": 8', '"r": 16'));
  const window = await code.open();
  await window.openFile('charlm', 'lora', 'json-r8', 'adapter_config.json');
  const squiggle = window.page.locator('.squiggly-error');
  await squiggle.first().waitFor();
  assert.equal(await squiggle.count(), 1);

  await window.page
    .locator('.view-line', { hasText: '"r": 16' })
    .locator('span', { hasText: /^16$/ })
    .last()
    .click();
  const fix = window.page.locator('.action-widget').getByText(/\b8\b/).first();
  // The list of fixes stays away, or closes again, when findings are published anew in that moment.
  await eventually(async () => {
    await window.page.keyboard.press('Escape');
    await window.page.keyboard.press('Control+.');
    await fix.waitFor({ timeout: 3000 }).catch(() => undefined);
    return fix.isVisible();
  });
  await fix.click();
  await squiggle.first().waitFor({ state: 'detached' });
  await window.page.keyboard.press('Control+s');
  await eventually(() => /"r": 8\b/.test(fs.readFileSync(file, 'utf8')));
  await window.close();
});
