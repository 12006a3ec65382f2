import { chunkLength, spansOf } from './chunks';
import type { FusedItem, FusedPart, PassItem, SingleItem } from './pass';
import { spanKey, type TensorSpan } from './span';

/** One item of one of several calls, by the call's number and the item's position in it. */
export interface Asked<Item extends PassItem = PassItem> {
  readonly call: number;
  readonly position: number;
  readonly item: Item;
}

/** One item to run, and whom its outcome is for. */
export interface Planned {
  readonly item: PassItem;
  /** Of a fused item those who asked for each of its parts; else those who asked for the item itself. */
  readonly asked: readonly (readonly Asked[])[];
}

/**
 * Puts items together that read the same bytes: those over the same spans, and those over some of the spans of another.
 * Only items that are cut into the same chunks are put together, so that the outcome of each is the same to the last
 * bit as by itself. Whoever asks for what another asks for already shares its outcome.
 */
export function fuseItems(asked: readonly Asked[]): readonly Planned[] {
  const alone: Planned[] = [];
  const single: Asked<SingleItem>[] = [];
  for (const each of asked) {
    const { item } = each;
    // A matrix is worked on as a whole, and what is asked of factors alone reads nothing.
    if (item.kind === 'matrix' || item.kind === 'fused' || spansOf(item).length === 0)
      alone.push({ item, asked: [[each]] });
    else single.push({ ...each, item });
  }
  return [...alone, ...hostsOf(single).map(plannedOf)];
}

/** Spans that are read together, and the different work on them. */
interface Host {
  readonly spans: readonly TensorSpan[];
  readonly slots: ReadonlyMap<string, number>;
  readonly chunkLength: number;
  readonly parts: { readonly part: FusedPart; readonly asked: Asked[] }[];
}

function hostsOf(asked: readonly Asked<SingleItem>[]): readonly Host[] {
  const hosts: Host[] = [];
  const bySpan = new Map<string, Host[]>();
  // Those with the most spans first: they may host the others.
  const bySize = asked.map((each) => ({ each, spans: spansOf(each.item) }));
  for (const { each, spans } of bySize.sort((x, y) => y.spans.length - x.spans.length)) {
    const keys = spans.map(spanKey);
    const length = chunkLength(each.item);
    const known = bySpan
      .get(keys[0] ?? '')
      ?.find((host) => host.chunkLength === length && keys.every((key) => host.slots.has(key)));
    const host = known ?? newHost(spans, keys, length);
    if (known === undefined) {
      hosts.push(host);
      for (const key of host.slots.keys()) bySpan.set(key, [...(bySpan.get(key) ?? []), host]);
    }
    addTo(host, each, keys);
  }
  return hosts;
}

function newHost(spans: readonly TensorSpan[], keys: readonly string[], length: number): Host {
  const different = spans.filter((_, s) => keys.indexOf(keys[s] ?? '') === s);
  const slots = new Map([...new Set(keys)].map((key, slot) => [key, slot]));
  return { spans: different, slots, chunkLength: length, parts: [] };
}

function addTo(host: Host, asked: Asked<SingleItem>, keys: readonly string[]): void {
  const same = host.parts.find(({ part }) => isSame(part.item, asked.item));
  if (same !== undefined) {
    same.asked.push(asked);
    return;
  }
  const slots = keys.map((key) => host.slots.get(key) ?? 0);
  host.parts.push({ part: { item: asked.item, slots }, asked: [asked] });
}

function plannedOf({ spans, parts }: Host): Planned {
  const [first] = parts;
  const asked = parts.map((each) => each.asked);
  if (first !== undefined && parts.length === 1) return { item: first.part.item, asked };
  const fused: FusedItem = { kind: 'fused', spans, parts: parts.map(({ part }) => part) };
  return { item: fused, asked };
}

/** Whether two items ask for the same: plain data all through, with arrays of numbers compared by identity. */
function isSame(x: unknown, y: unknown): boolean {
  if (Object.is(x, y)) return true;
  if (typeof x !== 'object' || typeof y !== 'object' || x === null || y === null) return false;
  if (ArrayBuffer.isView(x) || ArrayBuffer.isView(y)) return false;
  const names = Object.keys(x);
  return (
    names.length === Object.keys(y).length &&
    names.every((name) => isSame(x[name as keyof typeof x], y[name as keyof typeof y]))
  );
}
