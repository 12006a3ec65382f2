import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { safetensorsFile } from '../format/files';
import { COMMIT, startHub, TOKEN, type HubServer } from '../format/hub/hub-server';
import { api, closeAll, drawnAfter, eventually } from './extension';

/** What the extension shows, answered by the test: it asks through the same object. */
type Shown = 'showInputBox' | 'showErrorMessage' | 'showWarningMessage' | 'showInformationMessage';

const MEGABYTE = 2 ** 20;

describe('models of the Hugging Face Hub', () => {
  const before_ = { ...process.env };
  const replaced = new Map<Shown, unknown>();
  let hub: HubServer | undefined;

  /** Answers every message or question of a kind; gives their texts. */
  function answer(kind: Shown, given: unknown): string[] {
    const texts: string[] = [];
    if (!replaced.has(kind)) replaced.set(kind, vscode.window[kind]);
    Reflect.set(vscode.window, kind, (text: unknown, options?: { detail?: string }) => {
      texts.push([text, options?.detail ?? ''].join(' '));
      return Promise.resolve(given);
    });
    return texts;
  }

  const server = (): HubServer => {
    assert.ok(hub);
    return hub;
  };
  const file = (last: number) => {
    const data = Buffer.alloc(MEGABYTE + 8, last);
    return safetensorsFile(
      {
        large: { dtype: 'U8', shape: [MEGABYTE], data_offsets: [0, MEGABYTE] },
        small: { dtype: 'U8', shape: [8], data_offsets: [MEGABYTE, MEGABYTE + 8] },
      },
      data,
    );
  };
  const openFromHub = (address: string) => vscode.commands.executeCommand('deltalens.openFromHub', address);
  const openAndDraw = (address: string) =>
    drawnAfter(
      () => openFromHub(address),
      ({ page, title }) => page === 'checkpoint' && title.includes('me--'),
    );

  before(async () => {
    hub = await startHub();
    hub.publish('me/gated', { 'model.safetensors': file(3), 'config.json': '{"model_type":"llama"}' });
    hub.publish('me/moving', { 'model.safetensors': file(5) });
    Object.assign(process.env, { HF_ENDPOINT: hub.endpoint, HF_TOKEN: '', HF_TOKEN_PATH: '/nowhere' });
    await vscode.commands.executeCommand('deltalens.restartServer');
  });
  afterEach(async () => {
    for (const [kind, original] of replaced) Reflect.set(vscode.window, kind, original);
    replaced.clear();
    await closeAll();
  });
  after(async () => {
    for (const name of ['HF_ENDPOINT', 'HF_TOKEN', 'HF_TOKEN_PATH']) {
      if (before_[name] === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = before_[name];
    }
    answer('showInputBox', '');
    await vscode.commands.executeCommand('deltalens.setHubToken');
    for (const [kind, original] of replaced) Reflect.set(vscode.window, kind, original);
    await hub?.close();
  });

  it('a gated model says what to do, and opens with the token that was set, which goes to the Hub alone', async () => {
    const errors = answer('showErrorMessage', undefined);
    await openFromHub('me/gated');
    assert.match(errors[0] ?? '', /The model is gated, and it needs a token: .*"Deltalens: Set Hub Token"/);
    assert.ok(server().asked.every(({ authorization }) => authorization === null));
    answer('showInputBox', ` ${TOKEN} `);
    await vscode.commands.executeCommand('deltalens.setHubToken');
    const drawn = await openAndDraw('https://huggingface.co/me/gated');
    assert.equal(drawn.count, 2);
    const of = (host: 'hub' | 'store') => server().asked.filter((each) => each.host === host);
    assert.ok(of('hub').some(({ authorization }) => authorization === `Bearer ${TOKEN}`));
    assert.ok(of('store').length > 0 && of('store').every(({ authorization }) => authorization === null));
    assert.deepEqual(errors.length, 1);
  });

  it('its manifest is that of any checkpoint', async () => {
    await openAndDraw('me/gated');
    await vscode.commands.executeCommand('deltalens.openManifest');
    const text = await eventually('the manifest', () => {
      const document = vscode.window.activeTextEditor?.document;
      return document?.languageId === 'checkpoint-manifest' ? document.getText() : undefined;
    });
    assert.match(text, /^# hub: me\/gated, commit aaaaaaa \(main\)$/m);
    assert.match(text, /^small +U8 +8 /m);
  });

  it('asks before more is fetched than may be, once for a model, and fetches nothing where the answer is no', async () => {
    const setting = vscode.workspace.getConfiguration('deltalens.hub');
    await setting.update('askAbove', 0, vscode.ConfigurationTarget.Global);
    try {
      const { request } = await api();
      const { files } = await inspected('hf://me/gated');
      const preview = { path: files[0]?.path ?? '', tensor: 'large' };
      const refused = answer('showWarningMessage', undefined);
      server().sent = 0;
      const no = await eventually('the setting to arrive', async () => {
        const result = await request('deltalens/tensor', preview);
        return refused.length > 0 ? result : undefined;
      });
      assert.ok(!no.ok && no.problem.code === 'cancelled');
      assert.match(
        refused[0] ?? '',
        /Fetch from the Hugging Face Hub\? \d+\.\d kB of me\/gated would be fetched/,
      );
      assert.equal(server().sent, 0);
      const agreed = answer('showWarningMessage', 'Fetch');
      assert.ok((await request('deltalens/tensor', preview)).ok);
      assert.ok((await request('deltalens/tensor', { ...preview, tensor: 'small' })).ok);
      assert.equal(agreed.length, 1);
    } finally {
      await setting.update('askAbove', undefined, vscode.ConfigurationTarget.Global);
    }
  });

  it('Refresh says that the branch which an editor shows has moved', async () => {
    await openAndDraw('me/moving');
    assert.equal((await inspected('hf://me/moving')).origin?.commit, COMMIT);
    const news = answer('showInformationMessage', undefined);
    await vscode.commands.executeCommand('deltalens.refresh');
    assert.deepEqual(news, []);
    server().publish('me/moving', { 'model.safetensors': file(6) }, 'b'.repeat(40));
    await vscode.commands.executeCommand('deltalens.refresh');
    assert.match(news[0] ?? '', /hf:\/\/me\/moving\/model\.safetensors is at commit bbbbbbb now/);
  });

  async function inspected(path: string) {
    const view = await (await api()).request('deltalens/inspect', { path, roots: [] });
    assert.ok(view.ok);
    return view.value;
  }
});
