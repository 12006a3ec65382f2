import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { ResultPage } from './result-page';
import { eventually, VSCode } from './vscode';

let code: VSCode;
before(async () => {
  code = await VSCode.start({ openStudy: true, width: 1500, height: 900 });
});
after(() => code.stop());

test('a lens is added from the list, its parameters are changed, and all goes into a report that opens by itself', () =>
  code.inFreshWindow(async (window) => {
    const page = new ResultPage(window);
    await page.heatmap.waitFor();

    await page.addLens('task-similarity');
    const [profile, similarity] = [page.card(0), page.card(1)];
    await similarity.getByRole('application').first().waitFor();

    await profile
      .locator('.heatmap canvas')
      .first()
      .click({ position: await page.middle() });
    await similarity.locator('.linked .cell').waitFor();

    await profile.getByText('Parameters', { exact: true }).click();
    const field = profile.locator('form').locator('input[type=text]').first();
    await field.fill('0.001');
    await profile.getByRole('button', { name: 'Run', exact: true }).click();
    await profile.locator('.changed').waitFor();
    await profile.locator('.progress-bar').waitFor({ state: 'detached' });
    await profile.getByRole('application').first().waitFor();

    await page.button('Export Report').click();
    await eventually(async () => (await window.input().inputValue()).endsWith('vit-digits-report.html'));
    await window.page.keyboard.press('Enter');
    const target = path.join(code.workspace, 'vit-digits-report.html');
    await eventually(() => fs.existsSync(target) && fs.readFileSync(target, 'utf8').includes('</html>'));
    const report = await window.page.context().newPage();
    const asked: string[] = [];
    report.on('request', (request) => asked.push(request.url()));
    await report.goto(`file://${target}`);
    assert.equal(await report.locator('article').count(), 2);
    assert.ok(await report.locator('figure svg').first().isVisible());
    assert.deepEqual(asked, [`file://${target}`], 'nothing else is loaded');
  }));

test('a window reload brings the panel back with all cards and what was chosen in them, and only once', () =>
  code.inWindow(async (window) => {
    const page = new ResultPage(window);
    await page.open();
    await page.addLens('task-similarity');
    await page.card(1).getByRole('application').first().waitFor();
    await page.metric.first().selectOption({ label: 'Cosine with the base' });
    await page.card(0).getByRole('button', { name: 'Pin' }).click();
    const before = await page.readMiddle();
    await window.reload();
    await page.card(1).getByRole('application').first().waitFor();
    await page.heatmap.waitFor();
    const pin = page.card(0).getByRole('button', { name: 'Pin' });
    assert.equal(await pin.getAttribute('aria-pressed'), 'true');
    assert.equal(await page.metric.first().locator('option:checked').innerText(), 'Cosine with the base');
    assert.deepEqual(await page.readMiddle(), before);
    assert.equal(await window.tab(/vit-digits/).count(), 1);
  }));
