import type * as Onnxruntime from 'onnxruntime-node';
import { failure, success, type Result } from '../protocol/result';

/** A loaded onnxruntime that has computed something. */
export interface Runtime {
  readonly version: string;
  readonly api: typeof Onnxruntime;
}

let loading: Promise<Result<Runtime>> | undefined;

/**
 * Loads onnxruntime when first asked, and lets it compute `y = x + x` once, so that a broken installation is found
 * here. Fails with `runtime-missing` or `runtime-broken`. Only for the main thread of the compute process: ending a
 * worker thread inside a call of the runtime aborts the whole process.
 */
export function loadRuntime(): Promise<Result<Runtime>> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Result<Runtime>> {
  let api: typeof Onnxruntime;
  try {
    api = await import('onnxruntime-node');
  } catch (error) {
    return failure({
      code: 'runtime-missing',
      message: `onnxruntime-node cannot be loaded: ${textOf(error)}`,
      action: `Install the Deltalens package for ${process.platform}-${process.arch}.`,
    });
  }
  try {
    const session = await api.InferenceSession.create(doublingModel());
    const outputs = await session.run({ x: new api.Tensor('float32', [1.5, -2], [2]) });
    await session.release();
    const [first, second] = outputs.y?.data ?? [];
    if (first === 3 && second === -4) return success({ version: api.env.versions.node ?? 'unknown', api });
    return broken('1.5 + 1.5 and -2 - 2 came out wrong');
  } catch (error) {
    return broken(textOf(error));
  }
}

function broken(reason: string): Result<never> {
  return failure({
    code: 'runtime-broken',
    message: `onnxruntime-node is loaded but cannot compute: ${reason}.`,
    action: `Install the Deltalens package for ${process.platform}-${process.arch} again.`,
  });
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The bytes of an ONNX model with the one node `y = Add(x, x)` over float vectors of length 2. Field numbers are those
 * of `onnx.proto3` (github.com/onnx/onnx): 8 is the intermediate representation's version, 13 the operator set's.
 */
function doublingModel(): Uint8Array {
  const node = [...field(1, 'x'), ...field(1, 'x'), ...field(2, 'y'), ...field(4, 'Add')];
  const graph = [
    ...field(1, node),
    ...field(2, 'double'),
    ...field(11, value('x')),
    ...field(12, value('y')),
  ];
  const operatorSet = number(2, 13);
  return Uint8Array.from([...number(1, 8), ...field(7, graph), ...field(8, operatorSet)]);
}

/** ValueInfoProto of a float tensor of shape [2]. */
function value(name: string): number[] {
  const dimension = number(1, 2);
  const shape = field(1, dimension);
  const tensorType = [...number(1, 1), ...field(2, shape)];
  return [...field(1, name), ...field(2, field(1, tensorType))];
}

/** A length-delimited protobuf field: text or a nested message. All of ours are shorter than 128 bytes. */
function field(id: number, content: string | readonly number[]): number[] {
  const bytes = typeof content === 'string' ? [...Buffer.from(content)] : content;
  return [(id << 3) | 2, bytes.length, ...bytes];
}

/** A protobuf field with a whole number below 128. */
function number(id: number, content: number): number[] {
  return [id << 3, content];
}
