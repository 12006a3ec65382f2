import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import type { Checkpoint } from '../format/checkpoint';
import type { ExplorerEntry, Family } from '../protocol/explorer';
import { isCalledBase } from './adapter-base';
import { compareNatural } from './natural-order';
import { nameOf, uniqueNames } from './task-name';

/** One thing found in a workspace, with what its configuration says of its origin. */
export interface FamilyMember {
  /** File or folder to open, absolute. */
  readonly path: string;
  /** `null` where it cannot be read. */
  readonly checkpoint: Checkpoint | null;
  /** Why it cannot be read. */
  readonly problem?: string;
  /** Set for an adapter; `basePath` as `findAdapterBase` found it. */
  readonly adapter?: { readonly kind: string; readonly basePath: string | null };
  /** `_name_or_path` of the `config.json` beside it, made absolute: what it was fine-tuned from. */
  readonly startedFrom?: string;
}

/**
 * Hash of the sorted names and shapes of all tensors: equal for checkpoints of one architecture and size. Precision
 * does not count, so that a bf16 fine-tune stands beside its f32 base.
 */
export function structureOf(checkpoint: Checkpoint): string {
  const hash = createHash('sha256');
  const lines = checkpoint.tensors.map(({ name, span }) => `${name}\0${span.shape.join('x')}\n`).sort();
  for (const line of lines) hash.update(line);
  return hash.digest('hex').slice(0, 32);
}

/**
 * Groups checkpoints with the same structure; the base first, then fine-tunes, then the adapters of any of them. The
 * base is what adapters or configurations refer to, else the only one that is called `base`; a family without such a
 * hint has none. Adapters whose base was not found, and what cannot be read, stand in families of their own.
 */
export function groupFamilies(members: readonly FamilyMember[]): Family[] {
  const families = new Map<string, FamilyMember[]>();
  const familyOfPath = new Map<string, string>();
  const add = (key: string, member: FamilyMember) => {
    const family = families.get(key);
    if (family) family.push(member);
    else families.set(key, [member]);
  };
  for (const member of members) {
    if (member.adapter) continue;
    const key = member.checkpoint ? structureOf(member.checkpoint) : `unreadable:${member.path}`;
    add(key, member);
    for (const path of pathsOf(member)) familyOfPath.set(path, key);
  }
  for (const member of members) {
    if (!member.adapter) continue;
    const { basePath } = member.adapter;
    add((basePath === null ? undefined : familyOfPath.get(basePath)) ?? `adapter:${member.path}`, member);
  }
  return [...families]
    .map(([id, family]) => familyOf(id, family))
    .sort((a, b) => compareNatural(a.title, b.title));
}

function familyOf(id: string, members: readonly FamilyMember[]): Family {
  const base = members.length > 1 ? baseOf(members) : null;
  const sorted = [...members].sort(
    (a, b) => rankOf(a, base) - rankOf(b, base) || compareNatural(a.path, b.path),
  );
  const names = uniqueNames(sorted.map(({ path }) => path));
  const entries = sorted.map((member, index) => entryOf(member, names[index] ?? nameOf(member.path), base));
  return { id, title: titleOf(sorted), entries };
}

/** The member that the most others refer to, else the only one called `base`. */
function baseOf(members: readonly FamilyMember[]): FamilyMember | null {
  const whole = members.filter(({ adapter }) => !adapter);
  const votes = whole.map((candidate) => {
    const paths = pathsOf(candidate);
    return members.filter((member) => {
      const origin = member.adapter?.basePath ?? member.startedFrom;
      return member !== candidate && origin !== undefined && paths.includes(origin);
    }).length;
  });
  const most = Math.max(0, ...votes);
  const leaders = whole.filter((_, index) => most > 0 && votes[index] === most);
  const called = (leaders.length > 0 ? leaders : whole).filter(({ path }) => isCalledBase(path));
  if (leaders.length === 1) return leaders[0] ?? null;
  return called.length === 1 ? (called[0] ?? null) : null;
}

/** Every path by which others may refer to a checkpoint: what is opened, its files, their folder. */
function pathsOf({ path, checkpoint }: FamilyMember): readonly string[] {
  const files = checkpoint?.files.map((file) => file.path) ?? [];
  return [...new Set([path, ...files, ...files.map((file) => dirname(file))])];
}

function rankOf(member: FamilyMember, base: FamilyMember | null): number {
  if (member === base) return 0;
  return member.adapter ? 2 : 1;
}

function entryOf(member: FamilyMember, name: string, base: FamilyMember | null): ExplorerEntry {
  const { path, checkpoint, problem, adapter } = member;
  const spans = checkpoint?.tensors.map(({ span }) => span) ?? [];
  return {
    path,
    name,
    kind: kindOf(member, base),
    dtypes: [...new Set(spans.map(({ dtype }) => dtype))],
    parameters: spans.reduce((sum, { count }) => sum + count, 0),
    bytes: spans.reduce((sum, { bytes }) => sum + bytes, 0),
    tensors: spans.length,
    ...(problem === undefined ? {} : { problem }),
    ...(adapter ? { adapterKind: adapter.kind } : {}),
    ...(typeof adapter?.basePath === 'string' ? { basePath: adapter.basePath } : {}),
  };
}

function kindOf(member: FamilyMember, base: FamilyMember | null): ExplorerEntry['kind'] {
  if (member.adapter) return 'adapter';
  if (member === base) return 'base';
  return base ? 'fine-tune' : 'checkpoint';
}

/** The folder that holds them all, or the name of the only one. */
function titleOf(members: readonly FamilyMember[]): string {
  const whole = members.filter(({ adapter }) => !adapter);
  const named = whole.length > 0 ? whole : members;
  const [first] = named;
  if (!first) return '';
  if (named.length === 1) return folderName(first.path, nameOf(first.path));
  const parts = named.map(({ path }) => path.split(/[\\/]/));
  const shortest = Math.min(...parts.map(({ length }) => length)) - 1;
  let common = 0;
  while (common < shortest && parts.every((each) => each[common] === parts[0]?.[common])) common++;
  return parts[0]?.[common - 1] || nameOf(first.path);
}

/** `charlm/base` is the family charlm. */
function folderName(path: string, name: string): string {
  if (!isCalledBase(path)) return name;
  const parts = path.split(/[\\/]/);
  const at = parts.lastIndexOf(name);
  return (at > 0 && parts[at - 1]) || name;
}
