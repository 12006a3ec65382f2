import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { ResultPage } from './result-page';
import { eventually, VSCode, type Window, within } from './vscode';

let code: VSCode;
before(async () => {
  code = await VSCode.start({ openStudy: true, width: 1500, height: 900 });
});
after(() => code.stop());

function sample(...parts: readonly string[]): string {
  return path.join(code.workspace, ...parts);
}

/** Runs steps on a panel of the sample study that has just been opened. */
function inStudy(steps: (page: ResultPage, window: Window) => Promise<void>): Promise<void> {
  return code.inWindow(async (window) => {
    const page = new ResultPage(window);
    await page.open();
    await steps(page, window);
  });
}

test('a tensor of a cell leads on to the checkpoint editor', () =>
  inStudy(async (page, window) => {
    await page.clickMiddle();
    const first = page.details.locator('details.tensor').first();
    await first.waitFor();
    const name = await first.locator('.tensor-name').innerText();
    if ((await first.getAttribute('open')) === null) await first.locator('summary').click();
    await first.getByRole('button', { name: 'Reveal in Checkpoint' }).click();
    await window.tab(/model\.safetensors/).waitFor();
    const row = window.webview().getByRole('row', { selected: true });
    assert.match(await row.innerText(), new RegExp(name.replaceAll('.', '\\.')));
  }));

test('the heatmap takes its colours from the theme, whenever that changes', () =>
  inStudy(async (page, window) => {
    const seen: string[] = [];
    for (const [title, kind] of [
      ['Dark Modern', 'vscode-dark'],
      ['Light Modern', 'vscode-light'],
      ['Dark High Contrast', 'vscode-high-contrast'],
      ['Light High Contrast', 'vscode-high-contrast-light'],
    ] as const) {
      // The list shows themes while one goes through it, and at times takes the last one back as it closes.
      await eventually(async () => {
        await window.command('Preferences: Color Theme');
        await window.pickByTyping(title);
        await window.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
        return within(15_000, async () => {
          const colours = JSON.stringify(await page.colours());
          if ((await page.theme()).kind !== kind || seen.includes(colours)) return false;
          seen.push(colours);
          return true;
        });
      });
    }
  }));

test('an export writes what is on screen to the file that the dialog names', () =>
  inStudy(async (page, window) => {
    for (const [format, looksRight] of [
      ['csv', (text: string) => /(^|\n)"?layer 3"?,/.test(text)],
      ['svg', (text: string) => text.includes('<svg') && text.trimEnd().endsWith('</svg>')],
      ['json', (text: string) => (JSON.parse(text) as { lens: string }).lens === 'delta-profile'],
      ['png', (text: string) => text.startsWith('�PNG')],
    ] as const) {
      await page.exportAs(format.toUpperCase());
      const name = `vit-digits-delta-profile.${format}`;
      await eventually(async () => (await window.input().inputValue()).endsWith(name));
      await window.page.keyboard.press('Enter');
      const target = sample(name);
      await eventually(() => fs.existsSync(target) && looksRight(fs.readFileSync(target, 'utf8')));
    }
  }));

test('arrow keys move a cursor that is read out', () =>
  inStudy(async (page, window) => {
    await page.heatmap.focus();
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowRight']) await window.page.keyboard.press(key);
    const spoken = window.webview().locator('[aria-live]').first();
    await eventually(async () => /^layer \d+, .+: relative/i.test(await spoken.innerText()));
  }));
