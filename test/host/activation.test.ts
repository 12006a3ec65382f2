import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { api, extension, manifest } from './extension';

/** Without minification; the language client alone has four times as much. */
const MOST_BYTES = 250_000;

describe('activation', () => {
  it('loads one small bundle; the language client, most of the code, and the server come after it', async () => {
    const { activationMs } = await api();
    assert.ok(activationMs > 0);
    const bundle = fs.readFileSync(path.join(extension().extensionPath, 'dist/extension.js'), 'utf8');
    assert.ok(bundle.length < MOST_BYTES, `${String(bundle.length)} characters`);
    assert.doesNotMatch(bundle, /createMessageConnection/);
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
