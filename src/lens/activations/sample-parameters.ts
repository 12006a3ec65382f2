import type { SampleChoice, StudySamples } from '../../graph/study-samples';
import type { ParameterDeclaration, ParameterValues } from '../../protocol/lens';
import { wholeText } from '../wording';
import type { Pool } from './pooling';

/** How many samples, and which. */
export const SAMPLE_PARAMETERS: readonly ParameterDeclaration[] = [
  {
    name: 'samples',
    title: 'Samples',
    help: 'At most so many samples of each data set; all where it has no more.',
    type: 'number',
    default: 256,
    minimum: 1,
    maximum: 100_000,
    integer: true,
  },
  {
    name: 'seed',
    title: 'Seed',
    help: 'Which samples are drawn where there are more: the same for the same seed.',
    type: 'number',
    default: 0,
    minimum: 0,
    integer: true,
  },
];

export const POOL_PARAMETER: ParameterDeclaration = {
  name: 'pool',
  title: 'Tokens',
  help: 'What of the tokens (or pixels) of a sample is compared: the first one, their mean, or each as a sample of its own.',
  type: 'choice',
  default: 'mean',
  choices: [
    { value: 'mean', title: 'mean over tokens' },
    { value: 'cls', title: 'first token' },
    { value: 'tokens', title: 'every token' },
  ],
};

/** Where in a sample something is looked for that a network holds at one token. */
export const POSITION_PARAMETER: ParameterDeclaration = {
  name: 'position',
  title: 'Position',
  help: 'The token whose hidden state is taken. Texts that are padded behind their end need samples of one length, or the mean.',
  type: 'choice',
  default: 'last',
  choices: [
    { value: 'last', title: 'last token' },
    { value: 'cls', title: 'first token' },
    { value: 'mean', title: 'mean over tokens' },
  ],
};

/** The position that the parameters ask for. */
export function positionOf(parameters: ParameterValues): Pool {
  const position = parameters['position'];
  return position === 'cls' || position === 'mean' ? position : 'last';
}

/** The samples that the parameters ask for. */
export function sampleChoice(parameters: ParameterValues): SampleChoice {
  return { samples: Number(parameters['samples'] ?? 256), seed: Number(parameters['seed'] ?? 0) };
}

/** The pooling that the parameters ask for. */
export function poolOf(parameters: ParameterValues): Pool {
  const pool = parameters['pool'];
  return pool === 'cls' || pool === 'tokens' ? pool : 'mean';
}

/** Which samples a figure is over, for its caption. */
export function samplesText({ name, count, of }: StudySamples): string {
  return count === of
    ? `all ${wholeText(of)} samples of ${name}`
    : `${wholeText(count)} of ${wholeText(of)} samples of ${name}`;
}
