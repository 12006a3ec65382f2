import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { beforeEach, suite, test } from 'node:test';
import { hubSettings } from '../../../src/format/hub/settings';
import { readSpan } from '../../../src/format/read';
import { DirectoryCache } from '../../../src/server/analysis/directory-cache';
import { OpenedInputs } from '../../../src/server/analysis/opened-inputs';
import { codeOf, hubForTests, model, open, spanOf } from './hub-for-tests';
import { COMMIT } from './hub-server';

const LATER = 'b'.repeat(40);

suite('Branches of the Hub that move, and a Hub that is away', () => {
  const fixture = hubForTests();
  beforeEach(() => fixture.hub.publish('me/moving', { 'model.safetensors': model(1) }));
  const move = () => fixture.hub.publish('me/moving', { 'model.safetensors': model(1, 9) }, LATER);

  test('an opened model says which commit it is, by its address and by the path of its copy', async () => {
    const checkpoint = await open('hf://me/moving');
    const host = new URL(fixture.hub.endpoint).host;
    const origin = { host, repository: 'me/moving', commit: COMMIT, revisions: ['main'] };
    assert.deepEqual(checkpoint.origin, origin);
    assert.deepEqual((await open(checkpoint.files[0]?.path ?? '')).origin, origin);
  });

  test('a branch that has moved opens as its new commit, in a process that has it open, too', async () => {
    const directories = new DirectoryCache();
    const first = await directories.open('hf://me/moving');
    const again = await directories.open('hf://me/moving');
    assert.ok(first.ok && again.ok);
    assert.equal(again.value, first.value, 'what has not changed is the same object');
    move();
    const later = await directories.open('hf://me/moving');
    assert.ok(later.ok);
    assert.equal(later.value.origin?.commit, LATER);
    assert.notEqual(later.value.fingerprint, first.value.fingerprint, 'names and sizes are the same');
    const values = await Promise.all(
      [first.value, later.value].map((each) => readSpan(spanOf(each, 'small'))),
    );
    assert.deepEqual(
      values.map((read) => read.ok && read.value[0]),
      [7, 9],
    );
  });

  test('within one request an address stands for one commit', async () => {
    const inputs = new OpenedInputs(new DirectoryCache());
    const first = await inputs.open('hf://me/moving');
    move();
    const again = await inputs.open('hf://me/moving');
    assert.ok(first.ok && again.ok && again.value === first.value);
  });

  test('a commit that was opened by its number is not asked about again', async () => {
    await open(`hf://me/moving@${COMMIT}`);
    fixture.hub.asked.length = 0;
    const again = await open(`hf://me/moving@${COMMIT}`);
    assert.equal(again.tensors.length, 2);
    assert.deepEqual(fixture.hub.asked, []);
  });

  test('without a Hub, what was opened before opens from its copy and says so', async () => {
    const span = spanOf(await open('hf://me/moving'), 'small');
    assert.ok((await readSpan(span)).ok);
    process.env['HF_HUB_OFFLINE'] = '1';
    const checkpoint = await open('hf://me/moving');
    const [finding] = checkpoint.findings;
    assert.equal(finding?.code, 'hub-from-copy');
    assert.equal(finding.severity, 'information');
    assert.match(
      finding.message,
      new RegExp(`commit ${COMMIT}, which main was at .* The Hub was not asked: HF_HUB`),
    );
    assert.ok((await readSpan(spanOf(checkpoint, 'small'))).ok, 'these values are here');
    const missing = await readSpan({ ...spanOf(checkpoint, 'large'), offset: 2 ** 19, bytes: 8 });
    assert.ok(!missing.ok && missing.problem.code === 'hub-offline');
  });

  test('a server that does not answer is as good as none', async () => {
    await open('hf://me/moving');
    fixture.hub.faults.drop = true;
    const { findings } = await open('hf://me/moving');
    assert.match(findings[0]?.message ?? '', /The Hub was not asked: .* does not answer/);
    // What other servers said says nothing of this one.
    process.env['HF_ENDPOINT'] = 'http://127.0.0.1:9';
    assert.equal(await codeOf('hf://me/moving'), 'hub-offline');
  });

  test('without a Hub, what was never opened and copies that are gone stay away', async () => {
    process.env['HF_HUB_OFFLINE'] = '1';
    assert.equal(await codeOf('hf://me/moving'), 'hub-offline');
    delete process.env['HF_HUB_OFFLINE'];
    await open('hf://me/moving');
    process.env['HF_HUB_OFFLINE'] = '1';
    assert.equal(await codeOf('hf://me/moving@v1'), 'hub-offline');
    const copies = fs.readdirSync(hubSettings().folder).map((host) => paths.join(hubSettings().folder, host));
    for (const host of copies) fs.rmSync(paths.join(host, 'me--moving', COMMIT), { recursive: true });
    assert.equal(await codeOf('hf://me/moving'), 'hub-offline');
  });

  test('a Hub that refuses is not taken for one that is away', async () => {
    await open('hf://me/moving');
    fixture.hub.faults.status = 503;
    assert.equal(await codeOf('hf://me/moving'), 'hub-failed');
  });
});
