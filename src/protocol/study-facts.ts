/** A part that a lens may need of a study beside base and tasks. */
export type StudyPart =
  | 'experts'
  | 'attention'
  | 'vocabulary'
  | 'run'
  | 'adapter'
  | 'prompt'
  | 'mixture'
  | 'memory'
  | 'hypernetwork';

/** What a sentence about needs calls a part. */
export const PART_NAMES: Readonly<Record<StudyPart, string>> = {
  run: 'a training run',
  experts: 'a mixture of experts',
  attention: 'attention layers',
  vocabulary: 'a token embedding or an output head',
  adapter: 'an adapter',
  prompt: 'a soft prompt',
  mixture: 'a learned mixture',
  memory: 'a memory layer or codebook',
  hypernetwork: 'a hypernetwork',
};

/** What is in the files of a study, as their names and headers tell. */
export interface StudyFacts {
  /** Tasks, with each checkpoint of a training run counted. */
  readonly tasks: number;
  readonly parts: Readonly<Record<StudyPart, boolean>>;
}
