import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import type { Artifact } from '../../src/protocol/artifact';
import { buildViews, launchBrowser, NO_CHROMIUM, openView, type OpenView } from './page';
import { LENS, result, runOf } from './sample-results';
import { SAMPLE_ARTIFACTS } from './sample-artifacts';

const options = { skip: NO_CHROMIUM };
let browser: Browser | undefined;

before(async () => {
  if (NO_CHROMIUM) return;
  buildViews();
  browser = await launchBrowser();
});
after(() => browser?.close());

async function withArtifacts(
  artifacts: readonly Artifact[],
  steps: (view: OpenView) => Promise<void>,
): Promise<void> {
  assert.ok(browser);
  const view = await openView(browser, 'result', { height: 1400 });
  try {
    const shown = { ...result('delta-profile', ['a', 'b'], artifacts), parameters: { keep: 0.6, drop: 0.1 } };
    await view.send({ type: 'start', run: runOf('delta-profile', ['a', 'b']), lens: LENS, view: {} });
    await view.send({ type: 'result', result: shown });
    await view.waitFor('drawn');
    await steps(view);
    assert.deepEqual(view.complaints, []);
  } finally {
    await view.close();
  }
}

test(
  'while a cut is dragged the figures follow, and on release the lens runs with the new shares',
  options,
  () =>
    withArtifacts([SAMPLE_ARTIFACTS.histogram], async (view) => {
      const { page } = view;
      const readout = page.locator('.cut-readout');
      const before = await readout.innerText();
      const box = await page.getByRole('slider', { name: 'Lower cut' }).boundingBox();
      assert.ok(box);
      await page.mouse.move(box.x + box.width / 2, box.y + 20);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width / 2 - 60, box.y + 20, { steps: 3 });
      assert.notEqual(await readout.innerText(), before);
      assert.match(await readout.innerText(), /let go for exact figures/);
      assert.deepEqual(await view.sent('run'), []);
      await page.mouse.up();
      const { parameters } = (await view.waitFor('run')) as unknown as { parameters: Record<string, number> };
      assert.ok((parameters['keep'] ?? 0) > 0.6, 'the lower cut moved down, so more is kept');
      assert.ok(Math.abs((parameters['drop'] ?? 0) - 0.1) < 1e-3, 'the upper cut stayed');
    }),
);

test('arrow keys move a cut and Enter runs the lens', options, () =>
  withArtifacts([SAMPLE_ARTIFACTS.histogram], async (view) => {
    const { page } = view;
    await page.getByRole('slider', { name: 'Upper cut' }).focus();
    await page.keyboard.press('Shift+ArrowLeft');
    await page.keyboard.press('Enter');
    const { parameters } = (await view.waitFor('run')) as unknown as { parameters: Record<string, number> };
    assert.ok((parameters['drop'] ?? 0) > 0.1);
  }),
);

test('choosing a point marks its task in every other figure', options, () =>
  withArtifacts(
    [SAMPLE_ARTIFACTS.scatter, SAMPLE_ARTIFACTS.series, SAMPLE_ARTIFACTS.tree],
    async ({ page }) => {
      await page.locator('.point').nth(1).click();
      assert.equal(await page.locator('.point.chosen').count(), 1);
      assert.equal(await page.locator('.line.chosen').count(), 1);
      assert.deepEqual(await page.locator('text.chosen').allTextContents(), ['b']);
    },
  ),
);

test('arrow keys walk over the marks of a figure and speak them, Enter chooses', options, () =>
  withArtifacts([SAMPLE_ARTIFACTS.graph], async ({ page }) => {
    await page.locator('.figure-holder').focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    assert.match(await page.locator('.spoken').innerText(), /layer 0 · head 1/);
    await page.keyboard.press('Enter');
    assert.equal(await page.locator('.node.chosen').count(), 1);
  }),
);

test('a recommendation stands out from a remark', options, () =>
  withArtifacts([SAMPLE_ARTIFACTS.recommendation], async ({ page }) => {
    assert.equal(await page.locator('.note.recommendation .codicon-lightbulb').count(), 1);
  }),
);
