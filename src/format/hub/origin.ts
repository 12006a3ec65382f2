import { createHash } from 'node:crypto';
import { isMirrored } from '../../tensor/mirrored';
import type { Checkpoint } from '../checkpoint';
import { knownCommits, modelFolder } from './kept';
import { readSource } from './mirror-file';
import { hubSettings } from './settings';

/**
 * Where a checkpoint is a copy of a model on the Hub, says which, and makes the commit part of its fingerprint: another one may have
 * the same header, size and time and other values.
 */
export async function withOrigin(checkpoint: Checkpoint): Promise<Checkpoint> {
  const [first] = checkpoint.files;
  const source = first && isMirrored(first.path) ? await readSource(first.path) : null;
  if (!source) return checkpoint;
  const { endpoint, repository, commit } = source;
  const known = await knownCommits(modelFolder({ ...hubSettings(), endpoint }, repository));
  const revisions = known
    .filter((each) => each.commit === commit && each.repository === repository)
    .map(({ revision }) => revision);
  const origin = { host: new URL(endpoint).host, repository, commit, revisions: revisions.sort() };
  const fingerprint = createHash('sha256').update(`${checkpoint.fingerprint} ${commit}`).digest('hex');
  return { ...checkpoint, origin, fingerprint: fingerprint.slice(0, checkpoint.fingerprint.length) };
}
