import type { Network } from '../../graph/network';
import type { Objective } from '../../graph/objective/objective';
import type { ParameterDeclaration, ParameterValues } from '../../protocol/lens';

/** What the network is differentiated for. */
export const OBJECTIVE_PARAMETER: ParameterDeclaration = {
  name: 'objective',
  title: 'Objective',
  help: 'What is differentiated: the log-likelihood of the labels, their logit (as some papers released it), or, without labels, the entropy of the output.',
  type: 'choice',
  default: 'log-likelihood',
  choices: [
    { value: 'log-likelihood', title: 'log-likelihood of the labels' },
    { value: 'gold-logit', title: 'logit of the labels' },
    { value: 'entropy', title: 'entropy of the output' },
  ],
};

/** The objective that the parameters ask for, on the output `logits` or else the first one. */
export function objectiveOf({ map }: Network, parameters: ParameterValues): Objective {
  const { outputs } = map.graph;
  const output = (outputs.find(({ name }) => name === 'logits') ?? outputs[0])?.name ?? '';
  const kind = parameters['objective'];
  return kind === 'gold-logit' || kind === 'entropy' ? { kind, output } : { kind: 'log-likelihood', output };
}

/** Whether an objective is about labels. */
export function takesLabels({ kind }: Objective): boolean {
  return kind !== 'entropy' && kind !== 'output';
}
