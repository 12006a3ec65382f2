import type { DataOptions } from './data';

/** One task of a study: a fine-tuned checkpoint or an adapter. */
export interface TaskSpec {
  readonly name: string;
  /** Absolute path of a file or folder. */
  readonly path: string;
  /** The path is the folder of a training run: each complete checkpoint in it is a task of its own. */
  readonly run?: true;
}

/** A data set of a study. One with the name of a task is that task's; the first of all stands in for tasks without one. */
export interface DataSpec {
  readonly name: string;
  /** Absolute path of a file or folder. */
  readonly path: string;
  readonly options?: DataOptions;
}

/** Importances of the weights of a task, computed elsewhere. */
export interface FisherSpec {
  readonly name: string;
  /** Absolute path of a file, or of the folder with an `optimizer.pt`. */
  readonly path: string;
}

/** A base and named tasks, before anything is opened. All paths are absolute. */
export interface StudySpec {
  readonly name: string;
  readonly base?: string;
  readonly tasks: readonly TaskSpec[];
  /** The ONNX export of the base, for lenses that run the network. */
  readonly graph?: string;
  readonly data?: readonly DataSpec[];
  /** Files of Fisher information that others computed, or states of an optimiser, by task. */
  readonly fisher?: readonly FisherSpec[];
  /** The `*.study.yaml` it came from. */
  readonly file?: string;
}

/** A lens over a study: all that is needed to get the same result again. This is what a panel remembers. */
export interface RunSpec {
  readonly lens: string;
  readonly study: StudySpec;
  readonly parameters: Readonly<Record<string, number | boolean | string>>;
}
