import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { Drawn } from '../../src/extension/api';
import { api, closeAll, drawnAfter, sample } from './extension';

const CHECKPOINTS = 3;

function run(): string {
  return sample('charlm', 'runs', 'kjv').fsPath;
}

/** Whether a page shows the run's heatmap with so many checkpoints. */
function shows(rows: number, checkpoints: number): (drawn: Drawn) => boolean {
  return ({ page, count }) => page === 'result' && count === rows * checkpoints;
}

/** Opens the run and gives the number of rows of its heatmap. */
async function openRun(): Promise<number> {
  const { count } = await drawnAfter(
    () => vscode.commands.executeCommand('deltalens.openTrainingRun', vscode.Uri.file(run())),
    (drawn) => drawn.page === 'result' && drawn.count > 0,
  );
  assert.equal(count % CHECKPOINTS, 0);
  return count / CHECKPOINTS;
}

describe('training run', () => {
  const next = () => path.join(run(), 'checkpoint-400');

  before(async () => {
    await api();
    await vscode.commands.executeCommand('deltalens.selectAsBase', sample('charlm', 'base'));
  });
  after(() => vscode.commands.executeCommand('deltalens.clearBase'));
  afterEach(async () => {
    await closeAll();
    fs.rmSync(next(), { recursive: true, force: true });
  });

  it('opens from its folder, with a checkpoint in every column', async () => {
    assert.ok((await openRun()) > 1);
    assert.match(vscode.window.tabGroups.activeTabGroup.activeTab?.label ?? '', /kjv/);
  });

  it('takes in a checkpoint once it is written whole, while the panel is open', async () => {
    const rows = await openRun();
    const last = path.join(run(), 'checkpoint-350');
    const weights = fs.readFileSync(path.join(last, 'model.safetensors'));
    await drawnAfter(async () => {
      // As a trainer writes it: the weights in pieces, what belongs to them around that.
      fs.mkdirSync(next());
      fs.copyFileSync(path.join(last, 'config.json'), path.join(next(), 'config.json'));
      const file = path.join(next(), 'model.safetensors');
      fs.writeFileSync(file, weights.subarray(0, weights.length / 2));
      await new Promise((resolve) => setTimeout(resolve, 1500));
      fs.appendFileSync(file, weights.subarray(weights.length / 2));
      fs.writeFileSync(path.join(next(), 'trainer_state.json'), JSON.stringify({ global_step: 400, log_history: [] }));
    }, shows(rows, CHECKPOINTS + 1));
  });
}); // prettier-ignore
