/** Prefixes that two sides' names have before what they share. */
export interface NamePrefixes {
  /** Before the names of the graph: of a module around the model when it was exported. */
  readonly graph: string;
  /** Before the names of the checkpoint: it may hold more than the graph. */
  readonly checkpoint: string;
}

/**
 * The prefixes under which most names of a graph are names of a checkpoint: `model.encoder.weight` for
 * `encoder.weight`, or the other way round. Both are empty where most names are the same as they are.
 */
export function commonPrefixes(graph: readonly string[], checkpoint: readonly string[]): NamePrefixes {
  const votes = new Map<string, { prefixes: NamePrefixes; count: number }>();
  const vote = (prefixes: NamePrefixes): void => {
    const key = JSON.stringify(prefixes);
    const known = votes.get(key);
    if (known === undefined) votes.set(key, { prefixes, count: 1 });
    else known.count++;
  };
  const tensors = new Set(checkpoint);
  const initializers = new Set(graph);
  for (const name of graph) {
    if (tensors.has(name)) vote({ graph: '', checkpoint: '' });
    for (const at of dots(name))
      if (tensors.has(name.slice(at))) vote({ graph: name.slice(0, at), checkpoint: '' });
  }
  for (const name of checkpoint) {
    for (const at of dots(name)) {
      if (initializers.has(name.slice(at))) vote({ graph: '', checkpoint: name.slice(0, at) });
    }
  }
  let best = { prefixes: { graph: '', checkpoint: '' }, count: 0 };
  for (const one of votes.values()) if (one.count > best.count) best = one;
  return best.prefixes;
}

/** Positions behind the first three dots of a name. */
function dots(name: string): readonly number[] {
  const found: number[] = [];
  for (let at = name.indexOf('.'); at >= 0 && found.length < 3; at = name.indexOf('.', at + 1))
    found.push(at + 1);
  return found;
}
