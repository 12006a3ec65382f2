import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { relativeNorm } from './plain-safetensors';
import { ResultPage } from './result-page';
import { VSCode, type Window } from './vscode';

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

test('a workspace that names a study opens with the heatmap of its first task', () =>
  code.inFreshWindow(async (window) => {
    const page = new ResultPage(window);
    await page.heatmap.waitFor();
    assert.match((await page.heatmap.getAttribute('aria-label')) ?? '', /rot90.*8 rows/);
    assert.equal(await window.tab(/vit-digits/).count(), 1);
  }));

test('a cell shows the relative norm of its tensors, and a click opens them with their histograms', () =>
  inStudy(async (page) => {
    const { heading, value } = await page.readMiddle();
    await page.clickMiddle();
    await page.details.getByRole('heading', { name: heading }).waitFor();
    const names = await page.details.locator('.tensor-name').allInnerTexts();
    assert.ok(names.length > 0);
    const [base, tuned] = ['base', 'rot90'].map((name) => sample('vit-digits', name, 'model.safetensors'));
    const expected = relativeNorm(base ?? '', tuned ?? '', names);
    // The tooltip rounds to six digits.
    assert.ok(Math.abs(value - expected) <= 1e-5 * expected, `${heading}: ${value}, by hand ${expected}`);

    const first = page.details.locator('details.tensor').first();
    if ((await first.getAttribute('open')) === null) await first.locator('summary').click();
    await first.locator('.histogram svg').first().waitFor();
    assert.ok((await first.locator('.histogram svg rect').count()) > 10);
  }));
