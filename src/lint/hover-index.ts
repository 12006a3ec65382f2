import { locateShard } from '../format/safetensors-sharded';
import type { Checkpoint } from '../format/checkpoint';
import type { Hover, HoverPlace } from './hover';
import { bytesText, hoverOn, plain, stringAt, stringsIn } from './hover-text';
import type { LintContext } from './rule';
import { counted, shapeText } from './wording';

const KEYS: Readonly<Record<string, string>> = {
  metadata: 'What the writer noted about the model as a whole.',
  total_size: 'Bytes of all tensors together, headers not counted. Loaders use it to plan.',
  weight_map: 'The shard that holds each tensor.',
};

/** Over a tensor name: type, shape, size and shard; over a shard: its size and number of tensors. */
export async function hoverIndex(place: HoverPlace, context: LintContext): Promise<Hover | null> {
  const found = stringAt(place);
  if (!found) return null;
  const { here } = found;
  const meaning = here.isKey && Object.hasOwn(KEYS, here.value) ? KEYS[here.value] : undefined;
  if (meaning !== undefined) return hoverOn(place, here, [`**${plain(here.value)}**`, plain(meaning)]);
  const shard = here.isKey ? stringsIn(place.line).find(({ start }) => start >= here.end) : here;
  if (!shard || shard.isKey) return null;
  const opened = await openShard(place.path, shard.value, context);
  if (typeof opened === 'string') return hoverOn(place, here, [`**${plain(here.value)}**`, opened]);
  return hoverOn(
    place,
    here,
    here.isKey ? tensorText(here.value, shard.value, opened) : shardText(shard.value, opened),
  );
}

/** The shard's directory, or why there is none. */
async function openShard(
  indexPath: string,
  name: string,
  context: LintContext,
): Promise<Checkpoint | string> {
  const located = await locateShard(indexPath, name);
  if (located.state === 'missing') return `The shard ${plain(name)} is not there.`;
  if (located.state === 'outside')
    return `The shard ${plain(name)} ${plain(located.reason)}; it is not opened.`;
  if (located.state !== 'found') return `The shard ${plain(name)} cannot be read.`;
  const opened = await context.open(located.path);
  return opened.ok ? opened.value : plain(opened.problem.message);
}

function tensorText(name: string, shard: string, checkpoint: Checkpoint): readonly string[] {
  const tensor = checkpoint.tensors.find((candidate) => candidate.name === name);
  if (!tensor) return [`**${plain(name)}**`, `Not in ${plain(shard)}.`];
  const { dtype, shape, bytes, count } = tensor.span;
  return [
    `**${plain(name)}**`,
    `${plain(dtype)} · ${shapeText(shape)} · ${counted(count, 'value')} · ${bytesText(bytes)}`,
    `in ${plain(shard)}`,
  ];
}

function shardText(name: string, checkpoint: Checkpoint): readonly string[] {
  const bytes = checkpoint.files.reduce((sum, file) => sum + file.bytes, 0);
  return [`**${plain(name)}**`, `${counted(checkpoint.tensors.length, 'tensor')} · ${bytesText(bytes)}`];
}
