import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { hubAddressFrom, hubAddressOf, hubOriginText, parseHubAddress } from '../../src/protocol/hub-address';

suite('Addresses of the Hub', () => {
  test('addresses name a model, a revision and a file, and nothing that leads elsewhere', () => {
    const read = (text: string) => {
      const parsed = parseHubAddress(text);
      return parsed.ok ? parsed.value : parsed.problem.code;
    };
    assert.deepEqual(read('hf://me/model'), { repository: 'me/model', revision: 'main', file: null });
    assert.deepEqual(read('hf://me/model@v1.0/a/b.safetensors'), {
      repository: 'me/model',
      revision: 'v1.0',
      file: 'a/b.safetensors',
    });
    assert.deepEqual(read('hf://me/model@refs%2Fpr%2F1'), {
      repository: 'me/model',
      revision: 'refs/pr/1',
      file: null,
    });
    for (const bad of [
      'hf://',
      'hf://me',
      'hf://me/..',
      'hf://me/m/../x',
      'hf://me/m//x',
      'hf://me/m@',
      'hf://me/m@a@b',
      'hf://me/m/a\\b',
      'hf://datasets/me/d',
      'hf://m e/x',
      'hf://me/m@..',
      'https://huggingface.co/me/m',
      'hf://me/m@%',
    ])
      assert.equal(read(bad), 'hub-address', bad);
  });

  test('names and addresses of pages are taken for what they mean', () => {
    for (const [text, address] of [
      ['me/model', 'hf://me/model'],
      [' me/model@v1/a.safetensors ', 'hf://me/model@v1/a.safetensors'],
      ['https://huggingface.co/me/model', 'hf://me/model'],
      ['https://huggingface.co/me/model/tree/main', 'hf://me/model@main'],
      ['https://huggingface.co/me/model/blob/v1/a/b.safetensors?x=1', 'hf://me/model@v1/a/b.safetensors'],
      ['hf://me/model', 'hf://me/model'],
      ['file:///etc/passwd', 'file:///etc/passwd'],
    ] as const)
      assert.equal(hubAddressFrom(text), address);
  });

  test('an address is written as it is read', () => {
    for (const text of ['hf://me/model', 'hf://me/model@v1/a/b.safetensors', 'hf://me/model@refs%2Fpr%2F1']) {
      const parsed = parseHubAddress(text);
      assert.ok(parsed.ok);
      assert.equal(hubAddressOf(parsed.value), text);
    }
  });

  test('a copy is named by its model, commit and branches', () => {
    const origin = { host: 'huggingface.co', repository: 'me/model', commit: '1a2b3c4d'.repeat(5) };
    assert.equal(hubOriginText({ ...origin, revisions: [] }), 'me/model, commit 1a2b3c4');
    assert.equal(
      hubOriginText({ ...origin, revisions: [origin.commit, 'main', 'v1'] }),
      'me/model, commit 1a2b3c4 (main, v1)',
    );
  });
});
