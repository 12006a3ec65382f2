import { join } from 'node:path';
import { openCheckpoint } from '../../src/format/registry';
import { openNetwork, type Network, type Samples } from '../../src/graph/network';
import { readModel } from '../../src/format/onnx/read-model';
import { tensorOverBytes } from '../../src/graph/tensor-value';
import { success } from '../../src/protocol/result';
import { got } from './got';
import { readNpz, ZOO } from './zoo';

const TYPES: Readonly<Record<string, 'float32' | 'int64'>> = { '<f4': 'float32', '<i8': 'int64' };

/** An array of a data set of the zoo as samples of one input. */
export function zooSamples(path: string, input: string): Samples {
  const array = readNpz(join(ZOO, path)).get(input);
  if (array === undefined) throw new Error(`${path} has no ${input}`);
  const [count = 0, ...shape] = array.shape;
  const bytes = array.bytes.length / count;
  const type = TYPES[array.dtype];
  if (type === undefined) throw new Error(`${path} has ${array.dtype}`);
  return {
    name: path,
    count,
    batch: null,
    feeds: (first, size) =>
      Promise.resolve(
        success(
          new Map([
            [
              input,
              tensorOverBytes(
                type,
                [size, ...shape],
                array.bytes.slice(first * bytes, (first + size) * bytes),
              ),
            ],
          ]),
        ),
      ),
  };
}

/** A base of the zoo with its graph. */
export async function zooNetwork(family: string, samples: Samples): Promise<Network> {
  const model = got(await readModel(join(ZOO, family, 'onnx/base.onnx')));
  return got(await openNetwork(model, got(await openCheckpoint(join(ZOO, family, 'base'))), samples));
}
