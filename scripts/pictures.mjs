// `npm run pictures`: takes the README's pictures in the real workbench, each in three themes, into docs/pictures.
// --only=heatmap takes some, --themes=dark in some.
import fs from 'node:fs';
import path from 'node:path';
import { flag, root, run, runMain } from './run.mjs';
import { installChromium, installVSCode } from './vscode-env.mjs';

const THEMES = {
  dark: 'Dark Modern',
  light: 'Light Modern',
  contrast: 'Default High Contrast',
};

/** What a picture shows; each starts in a fresh window. @type {Record<string, (window: Window, workspace: string) => Promise<void>>} */
const SCENES = {
  async heatmap(window) {
    await openStudy(window, 'vit-digits.study.yaml');
    await window.unfold(/^rot90/);
    const canvas = window.webview().locator('.heatmap canvas').first();
    // Layer 3, attention.query: row and column in the middle of the network. The details make the canvas narrower.
    const cell = async () => {
      const { width, height } = await canvas.boundingBox();
      return { position: { x: width * (4.5 / 13), y: height * (4.5 / 8) } };
    };
    await canvas.click(await cell());
    await showTensor(window, 'weight');
    await canvas.hover(await cell());
  },
  async panel(window) {
    await openStudy(window, 'vit-digits.study.yaml');
    for (const [index, lens] of ['task-similarity', 'sign-conflict'].entries()) {
      await window.command('Deltalens: Run Lens…');
      await window.page.keyboard.type(lens);
      await window.pick(lens);
      await window
        .webview()
        .locator('.card')
        .nth(index + 1)
        .locator('canvas')
        .first()
        .waitFor();
    }
  },
  async checkpoint(window) {
    await window.explored();
    await window.treeItem(/^rot90/).click();
    const page = window.webview();
    await page.getByRole('searchbox').fill('attention.query.weight');
    await page.getByRole('gridcell', { name: /layer\.3\..*query\.weight/ }).click();
    await page.locator('.histogram svg').first().waitFor();
  },
  async similarity(window) {
    await window.explored();
    await window.command('Deltalens: Run Lens…');
    await window.pick('charlm.study.yaml');
    await window.pick('task-similarity');
    const page = window.webview();
    await page.locator('.heatmap canvas').first().waitFor();
    const orders = page.getByRole('combobox', { name: 'order' });
    await orders.selectOption({ index: 1 });
    const canvas = page.locator('.heatmap canvas').first();
    const { width, height } = await canvas.boundingBox();
    // The fine-tune and the adapter of one task: row 0, column 1 of four.
    await canvas.click({ position: { x: width * (1.5 / 4), y: height * (0.5 / 4) } });
    await page.getByRole('complementary').waitFor();
    await window.page.mouse.move(0, 0);
  },
  async findings(window, workspace) {
    breakAdapter(workspace);
    await window.openFile('charlm', 'lora', 'json-r8', 'adapter_config.json');
    await window.page.locator('.squiggly-error').first().waitFor();
    await window.page.keyboard.press('Control+Shift+m');
    await window.page.locator('.markers-panel .monaco-list-row').first().waitFor();
    await window.page.locator('.view-line span', { hasText: /^16$/ }).last().hover();
    await window.page.locator('.monaco-hover:visible').first().waitFor();
  },
};

/** @typedef {import('../test/workbench/vscode.ts').Window} Window */

await runMain(async () => {
  installVSCode();
  installChromium();
  run(process.execPath, ['scripts/build.mjs']);
  const { VSCode } = await import('../test/workbench/vscode.ts');
  const folder = path.join(root, 'docs/pictures');
  fs.mkdirSync(folder, { recursive: true });
  for (const theme of chosen('themes', Object.keys(THEMES))) {
    const settings = { 'workbench.colorTheme': THEMES[theme] };
    const code = await VSCode.start({ settings, width: 1440, height: 860 });
    try {
      for (const scene of chosen('only', Object.keys(SCENES))) {
        const window = await code.open();
        await SCENES[scene](window, code.workspace);
        // Hovers, focus rings and spinners of what was just done.
        await window.page.waitForTimeout(1500);
        const file = path.join(folder, `${scene}-${theme}.png`);
        await window.page.screenshot({ path: file });
        await window.close();
        console.log(`${path.relative(root, file)}  ${(fs.statSync(file).size / 1024).toFixed(0)} KiB`);
      }
    } finally {
      await code.stop();
    }
  }
});

/** @param {string} name @param {readonly string[]} all */
function chosen(name, all) {
  const only = flag(name)?.split(',');
  return only ? all.filter((one) => only.includes(one)) : all;
}

/** Folds all tensors of the details but one. @param {Window} window @param {string} part of its name */
async function showTensor(window, part) {
  const details = window.webview().locator('details.tensor');
  await details.first().waitFor();
  for (const tensor of await details.all()) {
    const name = await tensor.locator('.tensor-name').innerText();
    const open = (await tensor.getAttribute('open')) !== null;
    if (open !== name.includes(part)) await tensor.locator('summary').click();
  }
  await window.webview().locator('details.tensor[open] .histogram svg').first().waitFor();
  await details.first().scrollIntoViewIfNeeded();
}

/** Gives the picture of the findings something to find. @param {string} workspace */
function breakAdapter(workspace) {
  const file = path.join(workspace, 'charlm/lora/json-r8/adapter_config.json');
  const text = fs
    .readFileSync(file, 'utf8')
    .replace('"r": 8', '"r": 16')
    .replace('"q_proj",', '"q_proj",\n  "kv_proj",');
  fs.writeFileSync(file, text);
}

/** @param {Window} window @param {string} file */
async function openStudy(window, file) {
  await window.explored();
  await window.command('Deltalens: Open Study');
  await window.pick(file);
  await window.webview().locator('.heatmap canvas').first().waitFor();
}
