import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as vscode from 'vscode';
import { api, eventually, sample } from './extension';

/** The processes below this extension host that run the analysis server; Linux only. */
function servers(): number[] {
  return fs.readdirSync('/proc').flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid)) return [];
    try {
      const parent = /^PPid:\s+(\d+)$/m.exec(fs.readFileSync(`/proc/${name}/status`, 'utf8'))?.[1];
      const command = fs.readFileSync(`/proc/${name}/cmdline`, 'utf8');
      return Number(parent) === process.pid && /dist[\\/]server\.js/.test(command) ? [pid] : [];
    } catch {
      return []; // It has ended in the meantime.
    }
  });
}

async function answers(): Promise<boolean> {
  const lenses = await (await api()).request('deltalens/lenses', {});
  return lenses.ok && lenses.value.some(({ id }) => id === 'delta-profile');
}

describe('analysis server', () => {
  it('answers again after the restart command', async () => {
    assert.ok(await answers());
    await vscode.commands.executeCommand('deltalens.restartServer');
    assert.ok(await answers());
  });

  it('is started again when it dies, and what was running fails with the reason', async function () {
    if (process.platform !== 'linux') return this.skip();
    const deltalens = await api();
    const [pid] = servers();
    assert.ok(pid, 'the server runs below the extension host');
    const asked = deltalens.request('deltalens/inspect', {
      path: sample('vit-digits', 'base', 'model.safetensors').fsPath,
      roots: [],
    });
    process.kill(pid, 'SIGKILL');
    const answer = await asked;
    if (!answer.ok) assert.equal(answer.problem.code, 'server-stopped');
    await eventually('the server to answer again', answers);
    const [next] = servers();
    assert.ok(next !== undefined && next !== pid);
  });
});
