import * as fs from 'node:fs/promises';
import * as paths from 'node:path';
import { hubAddressOf, parseHubAddress, type HubAddress } from '../../protocol/hub-address';
import { success, type Result } from '../../protocol/result';
import type { Checkpoint } from '../checkpoint';
import { formatFinding } from '../problems';
import { CommitCopy } from './copy';
import { modelFolder, recallCommit, rememberCommit } from './kept';
import { commitNow, isCommit } from './listing';
import { makeRoom } from './room';
import { hubSettings, type HubSettings } from './settings';

/** What an address stands for, and why the Hub was not asked where it was not. */
interface Resolved {
  readonly commit: string;
  readonly fromCopy: { readonly asked: number; readonly why: string } | null;
}

/**
 * Opens a model of the Hub, or a file of one, by what `openLocal` makes of a copy with holes: fetches descriptions and headers,
 * never weights. Those come when something reads them (`readSpan`, and passes by way of `fetchSpans`). Which commit a branch stands
 * for is asked every time; where the Hub cannot be reached, what was opened before opens from its copy, with the finding
 * `hub-from-copy`. Fails with a code that begins with `hub-`, or as opening does.
 */
export async function openHub(
  text: string,
  openLocal: (path: string) => Promise<Result<Checkpoint>>,
): Promise<Result<Checkpoint>> {
  const parsed = parseHubAddress(text);
  if (!parsed.ok) return parsed;
  const address = parsed.value;
  const settings = hubSettings();
  const resolved = await resolve(settings, address);
  if (!resolved.ok) return resolved;
  const { commit, fromCopy } = resolved.value;
  const folder = paths.join(modelFolder(settings, address.repository), commit);
  await makeRoom(settings, folder);
  const copy = new CommitCopy(settings, address.repository, commit, folder);
  const target = await (address.file === null ? copy.wholeModel(text) : copy.oneFile(text, address.file));
  if (!target.ok) return target;
  const opened = await openLocal(target.value);
  if (!opened.ok) return opened;
  const findings = fromCopy
    ? [...opened.value.findings, shownFromCopy(text, address, commit, fromCopy)]
    : opened.value.findings;
  return success({ ...opened.value, path: text, findings });
}

/** The commit of an address: as the Hub says now, or where it cannot be reached as it said last. */
async function resolve(
  settings: HubSettings,
  { repository, revision }: HubAddress,
): Promise<Result<Resolved>> {
  const model = modelFolder(settings, repository);
  // A commit stays what it is: there is nothing to ask where a copy of it was begun.
  if (isCommit(revision) && (await isFolder(paths.join(model, revision))))
    return success({ commit: revision, fromCopy: null });
  const asked = await commitNow(settings, repository, revision);
  if (asked.ok) {
    const commit = asked.value;
    await rememberCommit(model, { repository, revision, commit, asked: Date.now() });
    return success({ commit, fromCopy: null });
  }
  if (asked.problem.code !== 'hub-offline') return asked;
  const known = await recallCommit(model, repository, revision);
  if (!known || !(await isFolder(paths.join(model, known.commit)))) return asked;
  return success({
    commit: known.commit,
    fromCopy: { asked: known.asked, why: asked.problem.message },
  });
}

async function isFolder(path: string): Promise<boolean> {
  return (await fs.stat(path).catch(() => null))?.isDirectory() === true;
}

function shownFromCopy(
  text: string,
  { repository, revision }: HubAddress,
  commit: string,
  { asked, why }: NonNullable<Resolved['fromCopy']>,
) {
  const name = hubAddressOf({ repository, revision, file: null });
  const when = new Date(asked).toISOString().slice(0, 16).replace('T', ' ');
  const message = `${name} is shown from its copy, as commit ${commit}, which ${revision} was at ${when} UTC. The Hub was not asked: ${why}`;
  return formatFinding('hub-from-copy', text, message);
}
