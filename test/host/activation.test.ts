import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { api, extension, manifest } from './extension';

/** How much slower than a usual machine this one is, in processor time: 1 where it is not. */
function slowness(): number {
  const before = process.cpuUsage();
  let sum = 0;
  for (let step = 0; step < 2e7; step++) sum += step % 7;
  assert.ok(sum > 0);
  const usualMs = 40;
  const { user, system } = process.cpuUsage(before);
  return Math.max(1, (user + system) / 1000 / usualMs);
}

describe('activation', () => {
  it('takes less than 100 ms of processor time, loading the bundle included, on a usual machine', async () => {
    const { activationMs, activationProcessorMs } = await api();
    const limit = 100 * slowness();
    assert.ok(
      activationMs > 0 && activationProcessorMs < limit,
      `${activationProcessorMs.toFixed(1)} ms of ${limit.toFixed(0)}`,
    );
  });

  it('registers exactly the commands that the manifest contributes', async () => {
    await api();
    const registered = (await vscode.commands.getCommands(true)).filter((id) => id.startsWith('deltalens.'));
    const contributed = manifest().contributes.commands.map(({ command }) => command);
    assert.deepEqual(
      contributed.filter((id) => !registered.includes(id)),
      [],
    );
    // Views bring commands of their own (`deltalens.checkpoints.focus`); the status bar item has one too.
    const own = registered.filter(
      (id) => !id.startsWith('deltalens.checkpoints.') && id !== 'deltalens.revealJob',
    );
    assert.deepEqual(own.sort(), [...contributed].sort());
  });

  it('has the titles of its commands from the translations', () => {
    const titles = new Map(manifest().contributes.commands.map(({ command, title }) => [command, title]));
    assert.equal(titles.get('deltalens.inspect'), 'Inspect Checkpoint');
    assert.equal(titles.get('deltalens.compareWithBase'), 'Compare with Base…');
  });

  it('declares that it works in Restricted Mode and with what limits in virtual workspaces', () => {
    const { untrustedWorkspaces, virtualWorkspaces } = manifest().capabilities;
    assert.equal(untrustedWorkspaces.supported, true);
    assert.match(untrustedWorkspaces.description, /ever executed/);
    assert.equal(virtualWorkspaces.supported, 'limited');
    assert.match(virtualWorkspaces.description, /copied to this machine/);
    assert.equal(extension().extensionKind, vscode.ExtensionKind.Workspace);
  });
});
