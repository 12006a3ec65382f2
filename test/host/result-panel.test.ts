import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { LensResult, Matrix } from '../../src/protocol/artifact';
import type { RunSpec } from '../../src/protocol/study';
import { api, closeAll, drawnAfter, sample } from './extension';

async function studyOf(file: string): Promise<RunSpec['study']> {
  const study = await (await api()).request('deltalens/readStudy', { path: sample(file).fsPath });
  assert.ok(study.ok, study.ok ? '' : study.problem.message);
  return study.value;
}

async function resultOf(run: RunSpec): Promise<LensResult> {
  const result = await (await api()).request('deltalens/runLens', { run, job: 'test' });
  assert.ok(result.ok, result.ok ? '' : result.problem.message);
  return result.value;
}

function matrices({ artifacts }: LensResult): Matrix[] {
  return artifacts.filter((artifact) => artifact.kind === 'matrix');
}

describe('result panel', () => {
  afterEach(closeAll);

  it('draws every cell of the heatmap of a study', async () => {
    const run = { lens: 'delta-profile', study: await studyOf('vit-digits.study.yaml'), parameters: {} };
    assert.deepEqual(
      run.study.tasks.map(({ name }) => name),
      ['rot90', 'invert', 'vflip'],
    );
    const [matrix] = matrices(await resultOf(run));
    assert.ok(matrix);
    // Six layers of a vision transformer, what lies before and after them, and at least the eight kinds of module in a layer.
    assert.ok(matrix.rows.length > 6 && matrix.columns.length > 7);
    const drawn = await drawnAfter(
      () => vscode.commands.executeCommand('deltalens.openStudy', sample('vit-digits.study.yaml')),
      ({ page, count }) => page === 'result' && count > 0,
    );
    assert.equal(drawn.count, matrix.rows.length * matrix.columns.length);
    const { activeTab } = vscode.window.tabGroups.activeTabGroup;
    assert.ok(activeTab?.input instanceof vscode.TabInputWebview);
    assert.match(activeTab.input.viewType, /deltalens\.result$/);
    assert.match(activeTab.label, /vit-digits/);
  });

  it('shows a comparison that is already open instead of opening it twice', async () => {
    const uri = sample('vit-digits', 'rot90');
    await drawnAfter(
      () => vscode.commands.executeCommand('deltalens.compareWithBase', uri),
      ({ page, count }) => page === 'result' && count > 0,
    );
    await vscode.commands.executeCommand('deltalens.compareWithBase', uri);
    assert.equal(vscode.window.tabGroups.all.flatMap((group) => group.tabs).length, 1);
  });

  it('compares selected folders against the base among them', async () => {
    const [base, rot90, invert] = ['base', 'rot90', 'invert'].map((name) => sample('vit-digits', name));
    const drawn = await drawnAfter(
      () => vscode.commands.executeCommand('deltalens.compareSelected', rot90, [rot90, base, invert]),
      ({ page, count }) => page === 'result' && count > 0,
    );
    assert.ok(drawn.count > 0);
  });

  it('compares an adapter with the base that its configuration names', async () => {
    const drawn = await drawnAfter(
      () => vscode.commands.executeCommand('deltalens.compareWithBase', sample('charlm', 'lora', 'json-r8')),
      ({ page, count }) => page === 'result' && count > 0,
    );
    assert.ok(drawn.count > 0);
  });

  it('comes back from the state that a window reload left', async () => {
    const { serializer } = await api();
    const study = await studyOf('vit-digits.study.yaml');
    const run = { lens: 'task-similarity', study, parameters: {} };
    const panel = vscode.window.createWebviewPanel('deltalens.result', '', vscode.ViewColumn.One);
    const drawn = await drawnAfter(
      () => serializer.deserializeWebviewPanel(panel, { run, view: { view: 'figure' } }),
      ({ page, count }) => page === 'result' && count > 0,
    );
    assert.equal(drawn.count, study.tasks.length ** 2);
    assert.match(panel.title, /vit-digits/);
  });

  it('draws every card of a panel that comes back', async () => {
    const { serializer } = await api();
    const study = await studyOf('vit-digits.study.yaml');
    const cards = ['task-similarity', 'delta-profile'].map((lens, index) => ({
      id: `card-${index + 1}`,
      lens,
      parameters: {},
      view: {},
    }));
    const panel = vscode.window.createWebviewPanel('deltalens.result', '', vscode.ViewColumn.One);
    const titles = new Set<string>();
    await drawnAfter(
      () => serializer.deserializeWebviewPanel(panel, { study, cards }),
      ({ page, count, title }) => page === 'result' && count > 0 && titles.add(title).size === 2,
    );
    assert.match(panel.title, /^vit-digits/);
  });

  it('closes a panel whose state cannot be read', async () => {
    const { serializer } = await api();
    const panel = vscode.window.createWebviewPanel('deltalens.result', '', vscode.ViewColumn.One);
    const gone = new Promise<void>((resolve) => panel.onDidDispose(resolve));
    await serializer.deserializeWebviewPanel(panel, { run: 'of another version' });
    await gone;
  });
});
