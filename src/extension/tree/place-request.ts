import type { RequestParams } from '../../protocol/requests';
import type { EntryNode, PlaceTreeNode } from './nodes';

/** What to ask the server for the children of a checkpoint, a layer or a module; `null` below a tensor. */
export function placeRequest(node: EntryNode | PlaceTreeNode): RequestParams<'deltalens/places'> | null {
  if (node.kind === 'entry') return { path: node.entry.path };
  const path = node.entry.entry.path;
  switch (node.place.kind) {
    case 'layer':
      return { path, layer: node.place.key };
    case 'module': {
      const above = node.parent;
      const layer = above.kind === 'place' ? above.place.key : undefined;
      return { path, module: node.place.key, ...(layer === undefined ? {} : { layer }) };
    }
    case 'tensor':
      return null;
  }
}
