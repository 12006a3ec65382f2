import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import type { Artifact } from '../../src/protocol/artifact';
import { buildViews, launchBrowser, NO_CHROMIUM, soon } from './page';
import { SAMPLE_ARTIFACTS } from './sample-artifacts';
import { result } from './sample-results';
import { cardOf, withStudy, type StudyPage } from './study-page';

const options = { skip: NO_CHROMIUM };
let browser: Browser | undefined;

before(async () => {
  if (NO_CHROMIUM) return;
  buildViews();
  browser = await launchBrowser();
});
after(() => browser?.close());

/** Opens a card that shows the artifacts and lets the steps act on it. */
function withArtifacts(
  artifacts: readonly Artifact[],
  steps: (page: StudyPage) => Promise<void>,
): Promise<void> {
  const parameters = { keep: 0.6, drop: 0.1 };
  const cards = [cardOf('card-1', 'delta-profile', { parameters })];
  return withStudy(
    browser,
    cards,
    ['a', 'b'],
    async (page) => {
      await page.give('card-1', { ...result('delta-profile', ['a', 'b'], artifacts), parameters });
      await steps(page);
    },
    { height: 1400 },
  );
}

/** Parameters of the run that the page asks for once a cut was let go, the second of the card. */
async function parametersOfNextRun(view: StudyPage): Promise<Readonly<Record<string, number>>> {
  const { card } = await view.waitFor('run', 2);
  return (card as { parameters: Record<string, number> }).parameters;
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
      await soon(async () => {
        assert.notEqual(await readout.innerText(), before);
        assert.match(await readout.innerText(), /let go for exact figures/);
      });
      assert.equal((await view.sent('run')).length, 1);
      await page.mouse.up();
      const parameters = await parametersOfNextRun(view);
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
    const parameters = await parametersOfNextRun(view);
    assert.ok((parameters['drop'] ?? 0) > 0.1);
  }),
);

test('choosing a point marks its task in every other figure', options, () =>
  withArtifacts(
    [SAMPLE_ARTIFACTS.scatter, SAMPLE_ARTIFACTS.series, SAMPLE_ARTIFACTS.tree],
    async ({ page }) => {
      await page.locator('.point').nth(1).click();
      await soon(async () => {
        assert.equal(await page.locator('.point.chosen').count(), 1);
        assert.equal(await page.locator('.line.chosen').count(), 1);
        assert.deepEqual(await page.locator('text.chosen').allTextContents(), ['b']);
      });
    },
  ),
);

test('arrow keys walk over the marks of a figure and speak them, Enter chooses', options, () =>
  withArtifacts([SAMPLE_ARTIFACTS.graph], async ({ page }) => {
    await page.locator('.figure-holder').focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await page.locator('.spoken', { hasText: 'layer 0 · head 1' }).waitFor({ state: 'attached' });
    await page.keyboard.press('Enter');
    await soon(async () => assert.equal(await page.locator('.node.chosen').count(), 1));
  }),
);

test('a recommendation stands out from a remark', options, () =>
  withArtifacts([SAMPLE_ARTIFACTS.recommendation], async ({ page }) => {
    await page.locator('.note.recommendation .codicon-lightbulb').waitFor();
  }),
);

test('of a long note the lines in the middle are folded, its limits stay in sight', options, () => {
  const lines = Array.from({ length: 30 }, (_, index) => `task ${String(index)}: merge it.`);
  const text = [...lines, 'Limits: measure it.'].join('\n');
  const note: Artifact = {
    kind: 'note',
    id: 'n',
    title: 'Advice',
    severity: 'information',
    role: 'recommendation',
    text,
  };
  return withArtifacts([note], async ({ page }) => {
    await page.getByText('Limits: measure it.').waitFor();
    assert.equal(await page.getByText('task 29').isVisible(), false);
    await page.getByText('26 more lines').click();
    await page.getByText('task 29').waitFor();
  });
});
