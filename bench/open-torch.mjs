// How long it takes to list the tensors of a large file of torch.save without reading its values.
import { Buffer } from 'node:buffer';
import fs from 'node:fs';
import path from 'node:path';
import { quantile, runDeltalens } from './command-line.mjs';

export const title = 'Open a file of torch.save';
const RUNS = 5;
const TENSORS = 320;
/** 4.0 GB together: 3200 rows of 1000 float32 each. */
const SHAPE = [3125, 1000];
const BYTES = 4 * SHAPE[0] * SHAPE[1];
const ALIGNMENT = 64;

/** @param {string} scratch @returns {import('../scripts/bench.mjs').Row} */
export function measure(scratch) {
  const file = path.join(scratch, 'model.pt');
  const bytes = writeSparse(file);
  const runs = [];
  const starts = [];
  for (let run = 0; run < RUNS; run++) {
    runs.push(runDeltalens(['inspect', file, '--json']));
    starts.push(runDeltalens(['formats', '--json']));
  }
  const median = (/** @type {typeof runs} */ of) =>
    quantile(
      of.map((run) => run.seconds * 1000),
      0.5,
    );
  return {
    title,
    setup: `${(bytes / 1e9).toFixed(1)} GB in one sparse file, ${TENSORS} tensors, ${RUNS} runs`,
    command: 'deltalens inspect model.pt --json',
    figures: [
      ['whole command, median', `${median(runs).toFixed(0)} ms`],
      ['`deltalens formats`, which opens nothing, median', `${median(starts).toFixed(0)} ms`],
      ['difference: listing the tensors', `${(median(runs) - median(starts)).toFixed(0)} ms`],
      ['peak memory', `${Math.max(...runs.map((run) => run.peakMiB)).toFixed(0)} MiB`],
    ],
  };
}

/** As torch lays it out: a pickle, then every storage on 64 bytes, each with holes for values. */
function writeSparse(file) {
  const descriptor = fs.openSync(file, 'w');
  const directory = [];
  let at = 0;
  const add = (name, bytes, content) => {
    const label = Buffer.from(name);
    const padding = (ALIGNMENT - ((at + 30 + label.length + 4) % ALIGNMENT)) % ALIGNMENT;
    const extra = Buffer.alloc(4 + padding, 'Z');
    extra.write('FB', 0, 'latin1');
    extra.writeUInt16LE(padding, 2);
    const common = Buffer.alloc(26);
    common.writeUInt32LE(bytes, 14);
    common.writeUInt32LE(bytes, 18);
    common.writeUInt16LE(label.length, 22);
    const local = Buffer.from(common);
    local.writeUInt16LE(extra.length, 24);
    const head = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), local, label, extra]);
    fs.writeSync(descriptor, head, 0, head.length, at);
    if (content) fs.writeSync(descriptor, content, 0, bytes, at + head.length);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(at, 10);
    directory.push(Buffer.from('PK\x01\x02\0\0', 'latin1'), common, rest, label);
    at += head.length + bytes;
  };
  const content = stateDict();
  add('model/data.pkl', content.length, content);
  for (let i = 0; i < TENSORS; i++) add(`model/data/${i}`, BYTES, null);
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 0, 'latin1');
  end.writeUInt16LE(TENSORS + 1, 8);
  end.writeUInt16LE(TENSORS + 1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(at, 16);
  fs.writeSync(descriptor, Buffer.concat([central, end]), 0, central.length + 22, at);
  fs.closeSync(descriptor);
  return at + central.length + 22;
}

/** A pickle of protocol 2: `{name: _rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())}`. */
function stateDict() {
  const text = (value) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(Buffer.byteLength(value));
    return Buffer.concat([Buffer.from('X'), length, Buffer.from(value)]);
  };
  const whole = (value) => {
    const bytes = Buffer.alloc(5, 'J');
    bytes.writeInt32LE(value, 1);
    return bytes;
  };
  const op = (code) => Buffer.from(code, 'latin1');
  const parts = [op('\x80\x02}(')];
  for (let i = 0; i < TENSORS; i++) {
    const storage = [op('('), text('storage'), op('ctorch\nFloatStorage\n'), text(String(i)), text('cuda:0')];
    parts.push(text(`model.layers.${i >> 3}.part${i & 7}.weight`));
    parts.push(
      op('ctorch._utils\n_rebuild_tensor_v2\n('),
      ...storage,
      whole(SHAPE[0] * SHAPE[1]),
      op('tQ'),
      whole(0),
    );
    parts.push(op('('), ...SHAPE.map(whole), op('t('), whole(SHAPE[1]), whole(1));
    parts.push(op('t\x89ccollections\nOrderedDict\n)RtR'));
  }
  parts.push(op('u.'));
  return Buffer.concat(parts);
}
