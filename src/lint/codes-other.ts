import type { CodeEntry } from './codes';

const CODE = 'Code that names checkpoints';
const FILES = 'Any file';
const VALUES = 'Values in a checkpoint';
const INDEX = 'Shard index (*.safetensors.index.json)';
const STUDY = 'Study (*.study.yaml)';

/** Codes of everything but adapters. */
export const OTHER_CODES = {
  'more-findings': {
    family: FILES,
    severity: 'information',
    title: 'The file has more findings than are shown.',
    action: 'Repair those shown; many of the others usually have the same cause.',
  },
  'json-too-large': {
    family: FILES,
    severity: 'error',
    title: 'The configuration is larger than 2 MB.',
    explanation:
      'No configuration is; it is probably another file under this name, and it is not looked into.',
    action: 'Check that the right file was saved here.',
  },
  'file-missing': {
    family: FILES,
    severity: 'error',
    title: 'There is no such file or folder.',
    action: 'Check the path.',
  },
  'file-unreadable': {
    family: FILES,
    severity: 'error',
    title: 'The operating system refuses to read the file.',
    action: 'Check the permissions.',
  },
  'too-many-files': {
    family: FILES,
    severity: 'error',
    title: 'Too many files are open.',
    action: 'Close some programs, or raise the limit on open files.',
  },
  'internal-error': {
    family: FILES,
    severity: 'error',
    title: 'Deltalens itself failed.',
    action: 'Run "Deltalens: Show Log" and report what it says.',
  },
  'tensor-nan': {
    family: VALUES,
    severity: 'error',
    title: 'A tensor holds NaN.',
    explanation:
      'Everything computed from it becomes NaN, and so does every merge that takes part of it. Usual causes: a ' +
      'training run that diverged, or a conversion to float16 that overflowed.',
    action: 'Go back to an earlier checkpoint, or convert again with bfloat16 or float32.',
  },
  'tensor-infinite': {
    family: VALUES,
    severity: 'warning',
    title: 'A tensor holds ±Inf.',
    explanation: 'A stored attention mask may hold −Inf on purpose; a weight never does.',
    action: 'If it is a weight: convert again with bfloat16 or float32, or go back to an earlier checkpoint.',
  },
  'index-shard-name': {
    family: INDEX,
    severity: 'error',
    title: 'A value in weight_map is not a string.',
    action: 'Write the name of the shard that holds the tensor.',
  },
  'named-checkpoint-missing': {
    family: CODE,
    severity: 'information',
    title: 'A path that ends like a checkpoint leads to none.',
    explanation: 'Paths are looked for from the folder of the file, and from the workspace folders.',
    action:
      'Correct the path, if the file is not still to be written. The setting "deltalens.missingCheckpoints" turns this off.',
  },
  'yaml-syntax': {
    family: STUDY,
    severity: 'error',
    title: 'The text is not valid YAML.',
    action: 'Correct it at the place named.',
  },
  'study-invalid': {
    family: STUDY,
    severity: 'error',
    title: 'The study is not written as a study must be.',
    action: 'Give a base and at least one task: "tasks:" with one name and path per line.',
  },
  'study-base-missing': {
    family: STUDY,
    severity: 'warning',
    title: 'The study names no base.',
    explanation:
      'Without a base there are no task vectors; only lenses that look at single checkpoints can run.',
    action: 'Add "base:" with the path of the checkpoint from which the tasks were trained.',
  },
  'study-tasks-missing': {
    family: STUDY,
    severity: 'error',
    title: 'The study names no task.',
    action: 'Add "tasks:" with one name and path per line.',
  },
  'study-task-duplicate': {
    family: STUDY,
    severity: 'error',
    title: 'Two tasks have the same name.',
    action: 'Give each task its own name; results are told apart by it.',
  },
  'study-path-missing': {
    family: STUDY,
    severity: 'error',
    title: 'A path in the study does not exist.',
    action: 'Correct the path. Paths are relative to the folder of the study.',
  },
  'study-path-unreadable': {
    family: STUDY,
    severity: 'error',
    title: 'A path in the study exists but cannot be opened as a checkpoint or an adapter.',
    action: 'Do what the message says about that file.',
  },
  'study-task-is-base': {
    family: STUDY,
    severity: 'warning',
    title: 'A task is the base itself.',
    explanation: 'Its task vector is zero everywhere.',
    action: 'Name the fine-tuned checkpoint instead.',
  },
} as const satisfies Record<string, CodeEntry>;
