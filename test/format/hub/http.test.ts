import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { before, suite, test } from 'node:test';
import { hubSettings } from '../../../src/format/hub/settings';
import { readSpan } from '../../../src/format/read';
import { openCheckpoint } from '../../../src/format/registry';
import { codeOf, hubForTests, model, open, spanOf } from './hub-for-tests';
import { TOKEN } from './hub-server';

suite('Asking the Hub', () => {
  const fixture = hubForTests();
  before(() => {
    fixture.hub.publish('me/gated', { 'model.safetensors': model(1) });
    fixture.hub.publish('me/private', { 'model.safetensors': model(1) });
    fixture.hub.publish('me/none', { 'a.txt': 'x' });
  });

  test('the token goes to the Hub and not to the store that it redirects to', async () => {
    assert.equal(await codeOf('hf://me/gated'), 'hub-denied');
    process.env['HF_TOKEN'] = TOKEN;
    const checkpoint = await open('hf://me/gated');
    assert.ok((await readSpan(spanOf(checkpoint, 'small'))).ok);
    const [ofHub, ofStore] = (['hub', 'store'] as const).map((host) =>
      fixture.hub.asked.filter((each) => each.host === host),
    );
    assert.ok(
      ofStore !== undefined &&
        ofStore.length > 0 &&
        ofStore.every(({ authorization }) => authorization === null),
    );
    assert.ok(ofHub?.some(({ authorization }) => authorization === `Bearer ${TOKEN}`));
  });

  test('the token that huggingface-cli wrote is used', () => {
    const file = paths.join(fixture.root, 'token');
    fs.writeFileSync(file, `${TOKEN}\n`);
    assert.equal(hubSettings({ HF_TOKEN_PATH: file }).token, TOKEN);
    assert.equal(hubSettings({ HF_TOKEN_PATH: file, HF_TOKEN: 'other' }).token, 'other');
    assert.equal(hubSettings({ HF_TOKEN_PATH: file, HF_TOKEN: '' }).token, TOKEN);
    assert.equal(hubSettings({ HF_TOKEN_PATH: '/nowhere', HF_TOKEN: ' other\n' }).token, 'other');
    assert.equal(hubSettings({ HF_HOME: fixture.root }).token, TOKEN);
    assert.equal(hubSettings({ HF_ENDPOINT: 'https://mirror.example/' }).endpoint, 'https://mirror.example');
  });

  test('what is not there, and what holds no checkpoint, is said', async () => {
    assert.equal(await codeOf('hf://me/nothing'), 'hub-missing');
    assert.equal(await codeOf('hf://me/whole@v9'), 'hub-missing');
    assert.equal(await codeOf('hf://me/whole/other.safetensors'), 'hub-missing');
    assert.equal(await codeOf('hf://me/none'), 'hub-choice');
    assert.equal(await codeOf('hf://me'), 'hub-address');
  });

  test('servers that fail, are gone, or send other bytes are told apart', async () => {
    fixture.hub.faults.status = 503;
    assert.equal(await codeOf('hf://me/whole'), 'hub-failed');
    delete fixture.hub.faults.status;
    fixture.hub.faults.ignoreRange = true;
    assert.equal(await codeOf('hf://me/whole'), 'hub-range-ignored');
    delete fixture.hub.faults.ignoreRange;
    fixture.hub.faults.otherBytes = true;
    assert.equal(await codeOf('hf://me/whole'), 'hub-changed');
    delete fixture.hub.faults.otherBytes;
    fixture.hub.faults.breakOffAt = 10;
    assert.equal(await codeOf('hf://me/whole'), 'hub-offline');
    delete fixture.hub.faults.breakOffAt;
    assert.equal(await codeOf('hf://me/whole'), 'opened');
    process.env['HF_ENDPOINT'] = 'http://127.0.0.1:9';
    assert.equal(await codeOf('hf://me/whole'), 'hub-offline');
  });

  test('a file that changes between two requests gives no numbers', async () => {
    const files = fixture.hub.filesOf('me/whole');
    const before = files.get('model.safetensors');
    assert.ok(before);
    const code = async () => {
      const span = spanOf(await open('hf://me/whole'), 'small');
      files.set('model.safetensors', Buffer.from(before).fill(9, before.length - 8));
      const read = await readSpan(span);
      files.set('model.safetensors', before);
      return read.ok ? 'read' : read.problem.code;
    };
    assert.equal(await code(), 'hub-changed');
    // Where the Hub says no hash of its own, by the ETag of the store.
    process.env['DELTALENS_HUB_CACHE'] = paths.join(fixture.root, 'without');
    fixture.hub.faults.noLinkedTag = true;
    assert.equal(await code(), 'hub-changed');
    assert.ok((await readSpan(spanOf(await open('hf://me/whole'), 'small'))).ok);
  });

  test('a gated model, one that is private or not there, and a missing revision say what they are', async () => {
    const messageOf = async (address: string) => {
      const opened = await openCheckpoint(address);
      return opened.ok ? '' : opened.problem.message;
    };
    assert.match(
      await messageOf('hf://me/gated'),
      /^The model is gated, and it needs a token: .* answers 401 \("Access .*restricted/,
    );
    assert.match(await messageOf('hf://me/private'), /^The model is private or not there: /);
    assert.match(await messageOf('hf://me/whole@v9'), /^The model has no such revision: /);
    process.env['HF_TOKEN'] = TOKEN;
    assert.equal(await codeOf('hf://me/private'), 'opened');
    process.env['HF_TOKEN'] = 'other';
    assert.match(await messageOf('hf://me/gated'), /^The model is gated, and the token does not open it: /);
    assert.ok(fixture.hub.asked.some(({ authorization }) => authorization === 'Bearer other'));
  });

  test('answers that are no listings, and listings without an end, are refused', async () => {
    for (const body of ['', '<html>', 'null', '"x"', '[]', '{}', '{"sha":7}', '{"sha":"main"}', '[null]']) {
      fixture.hub.faults.body = body;
      assert.equal(await codeOf('hf://me/whole'), 'hub-failed', body);
    }
    delete fixture.hub.faults.body;
    fixture.hub.faults.nextPage = `${fixture.hub.endpoint}/api/models/me/whole/tree/main`;
    assert.equal(await codeOf('hf://me/whole'), 'hub-failed');
  });

  test('a listing leads to no other host, and nothing that is read by ranges is asked for whole', async () => {
    const other = 'http://127.0.0.1:9/api/models/me/whole/tree/main';
    fixture.hub.faults.nextPage = other;
    assert.equal(await codeOf('hf://me/whole'), 'hub-failed');
    delete fixture.hub.faults.nextPage;
    await open('hf://me/whole');
    const ofFile = fixture.hub.asked.filter(({ path }) => path.includes('model.safetensors'));
    assert.ok(ofFile.length > 0 && ofFile.every(({ range }) => range !== null));
    assert.ok(fixture.hub.asked.every(({ method }) => method === 'GET'));
  });
});
