import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Checkpoint } from '../../src/format/checkpoint';
import { groupFamilies, structureOf, type FamilyMember } from '../../src/model/family';
import { makeStudy } from '../../src/model/make-study';
import { nameOf, uniqueNames } from '../../src/model/task-name';

/** A checkpoint of tensors with these shapes, in a file of its own. */
function checkpoint(
  file: string,
  shapes: Readonly<Record<string, readonly number[]>>,
  dtype = 'F32' as const,
): Checkpoint {
  return {
    path: file,
    container: 'safetensors',
    files: [{ path: file, bytes: 100, modifiedMs: 0 }],
    tensors: Object.entries(shapes).map(([name, shape]) => ({
      name,
      span: { path: file, offset: 0, bytes: 8, dtype, shape, count: 2 },
    })),
    metadata: {},
    fingerprint: file,
    findings: [],
  };
}

const SMALL = { a: [2], b: [1, 2] };
const member = (folder: string, rest: Partial<FamilyMember> = {}): FamilyMember => {
  const path = `${folder}/model.safetensors`;
  return { path, checkpoint: checkpoint(path, SMALL), ...rest };
};
const adapter = (folder: string, basePath: string | null): FamilyMember => ({
  path: `${folder}/adapter_model.safetensors`,
  checkpoint: checkpoint(`${folder}/adapter_model.safetensors`, { [folder]: [1] }),
  adapter: { kind: 'LoRA r8', basePath },
});
const shape = (members: readonly FamilyMember[]) =>
  groupFamilies(members).map(({ title, entries }) => [
    title,
    entries.map(({ name, kind }) => `${name}: ${kind}`),
  ]);

test('structure is names and shapes, in whatever order and precision', () => {
  const one = structureOf(checkpoint('/x', { a: [2], b: [1, 2] }));
  assert.equal(structureOf(checkpoint('/y', { b: [1, 2], a: [2] })), one);
  assert.notEqual(structureOf(checkpoint('/y', { a: [2], b: [2, 1] })), one);
  assert.notEqual(structureOf(checkpoint('/y', { a: [2], c: [1, 2] })), one);
});

test('the base comes first, then fine-tunes, then the adapters that name it', () => {
  assert.deepEqual(
    shape([
      adapter('/w/charlm/lora/json-r8', '/w/charlm/base'),
      member('/w/charlm/json'),
      member('/w/charlm/base'),
      member('/w/charlm/arith'),
    ]),
    [['charlm', ['base: base', 'arith: fine-tune', 'json: fine-tune', 'json-r8: adapter']]],
  );
});

test('what adapters or configurations refer to is the base, whatever it is called', () => {
  const byAdapter = shape([member('/w/a'), member('/w/b'), adapter('/w/l', '/w/b/model.safetensors')]);
  assert.deepEqual(byAdapter, [['w', ['b: base', 'a: fine-tune', 'l: adapter']]]);
  const byConfig = shape([member('/w/a', { startedFrom: '/w/c' }), member('/w/b-base'), member('/w/c')]);
  assert.deepEqual(byConfig, [['w', ['c: base', 'a: fine-tune', 'b-base: fine-tune']]]);
});

test('without a hint no checkpoint is called the base', () => {
  assert.deepEqual(shape([member('/w/a'), member('/w/b')]), [['w', ['a: checkpoint', 'b: checkpoint']]]);
});

test('adapters without a base and files that cannot be read stand alone', () => {
  const broken = { path: '/w/broken.safetensors', checkpoint: null, problem: 'is 3 bytes short' };
  assert.deepEqual(shape([adapter('/w/l', null), broken, member('/w/a')]), [
    ['a', ['a: checkpoint']],
    ['broken', ['broken: checkpoint']],
    ['l', ['l: adapter']],
  ]);
});

test('names come from the folder where the file says nothing', () => {
  assert.equal(nameOf('/w/json/model.safetensors'), 'json');
  assert.equal(nameOf('/w/json/model.safetensors.index.json'), 'json');
  assert.equal(nameOf('/w/json/adapter_config.json'), 'json');
  assert.equal(nameOf('/w/json/epoch3.safetensors'), 'epoch3');
  assert.equal(nameOf('/w/json'), 'json');
  assert.deepEqual(uniqueNames(['/a/x/model.safetensors', '/b/x', '/b/y']), ['a/x', 'b/x', 'y']);
});

const candidate = (folder: string) => ({
  path: folder,
  checkpoint: checkpoint(`${folder}/model.safetensors`, SMALL),
});
const lora = (folder: string, basePath: string | null) => ({ ...candidate(folder), adapter: { basePath } });

test('a study takes the base that its adapters lead to, selected or not', () => {
  const alone = makeStudy([lora('/w/l', '/w/base')]);
  assert.deepEqual(alone.ok && [alone.value.base, alone.value.tasks], [
    '/w/base',
    [{ name: 'l', path: '/w/l' }],
  ]);
  const both = makeStudy([candidate('/w/a'), lora('/w/l', '/w/a/model.safetensors')]);
  assert.deepEqual(both.ok && [both.value.base, both.value.tasks.length], ['/w/a', 1]);
});

test('a study takes the one called base among checkpoints of one structure', () => {
  const study = makeStudy([candidate('/w/json'), candidate('/w/base')]);
  assert.deepEqual(study.ok && [study.value.base, study.value.tasks.map(({ name }) => name)], [
    '/w/base',
    ['json'],
  ]);
});

test('the user has to choose where nothing tells the base', () => {
  const study = makeStudy([candidate('/w/a'), candidate('/w/b')]);
  assert.equal(!study.ok && study.problem.code, 'study-base-unknown');
  const chosen = makeStudy([candidate('/w/a'), candidate('/w/b')], '/w/b');
  assert.deepEqual(chosen.ok && [chosen.value.base, chosen.value.tasks.length], ['/w/b', 1]);
});

test('one checkpoint is a study without a base', () => {
  const study = makeStudy([candidate('/w/a')]);
  assert.deepEqual(study.ok && [study.value.base, study.value.tasks.length], [undefined, 1]);
});
