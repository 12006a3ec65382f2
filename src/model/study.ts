import type { Checkpoint } from '../format/checkpoint';
import type { Finding } from '../protocol/finding';
import type { StudySpec } from '../protocol/study';
import type { Architecture } from './architecture';
import type { TaskVector } from './task-vector';

/** An opened study: what a lens is given. */
export interface Study {
  readonly spec: StudySpec;
  readonly base: Checkpoint | null;
  readonly tasks: readonly TaskVector[];
  /** What the `config.json` of the base says; where it has none, that of the first task with one. */
  readonly architecture: Architecture | null;
  /** What was odd while opening: unplaced tensors, shapes that differ, a base that does not fit. */
  readonly findings: readonly Finding[];
}
