import assert from 'node:assert/strict';
import test from 'node:test';
import type { PlaceNode } from '../../src/protocol/explorer';
import type { EntryNode, PlaceTreeNode } from '../../src/extension/tree/nodes';
import { placeRequest } from '../../src/extension/tree/place-request';

const entry: EntryNode = {
  kind: 'entry',
  entry: { path: '/m', name: 'm', kind: 'base', dtypes: [], parameters: 0, bytes: 0, tensors: 0 },
  parent: { kind: 'family', family: { id: 'f', title: 'f', entries: [] } },
};
const place = (kind: PlaceNode['kind'], key: string, parent: EntryNode | PlaceTreeNode): PlaceTreeNode => ({
  kind: 'place',
  place: { kind, key, label: key, parameters: 0, bytes: 0, detail: '' },
  entry,
  parent,
});

test('each level of the tree asks for the next by the keys above it', () => {
  const layer = place('layer', 'layer 7', entry);
  const module = place('module', 'attention.query', layer);
  assert.deepEqual(placeRequest(entry), { path: '/m' });
  assert.deepEqual(placeRequest(layer), { path: '/m', layer: 'layer 7' });
  assert.deepEqual(placeRequest(module), { path: '/m', layer: 'layer 7', module: 'attention.query' });
  assert.equal(placeRequest(place('tensor', 'w', module)), null);
});

test('a module outside every layer is asked for by itself', () => {
  assert.deepEqual(placeRequest(place('module', 'embedding', entry)), { path: '/m', module: 'embedding' });
});
