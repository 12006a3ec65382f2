import type { PickleReader } from './pickle-reader';

/** What one instruction does to the machine. */
export type Instruction = (reader: PickleReader) => void;

function tuple(count: number): Instruction {
  return (r) => {
    const values = Array.from({ length: count }, () => r.pop());
    r.push(values.reverse());
  };
}

/**
 * The instructions of pickles of protocol 0 to 5, by code, as Python's pickletools documents them; copies and buffers outside
 * of the file (EXT, NEXT_BUFFER) are in no checkpoint and unknown here.
 */
export const PICKLE_INSTRUCTIONS: Readonly<Record<number, Instruction>> = {
  0x80: (r) => void r.u8(), // PROTO
  0x95: (r) => void r.u64(), // FRAME
  0x28: (r) => r.mark(), // MARK
  0x30: (r) => void r.pop(), // POP
  0x31: (r) => void r.popMarked(), // POP_MARK
  0x32: (r) => {
    const value = r.pop(); // DUP
    r.push(value);
    r.push(value);
  },
  0x4e: (r) => r.push(null), // NONE
  0x88: (r) => r.push(true), // NEWTRUE
  0x89: (r) => r.push(false), // NEWFALSE
  0x4b: (r) => r.push(r.u8()), // BININT1
  0x4d: (r) => r.push(r.u16()), // BININT2
  0x4a: (r) => r.push(r.i32()), // BININT
  0x8a: (r) => r.push(r.long(r.u8())), // LONG1
  0x8b: (r) => r.push(r.long(r.u32())), // LONG4
  0x47: (r) => r.push(r.f64()), // BINFLOAT
  0x58: (r) => r.push(r.text(r.u32())), // BINUNICODE
  0x8c: (r) => r.push(r.text(r.u8())), // SHORT_BINUNICODE
  0x8d: (r) => r.push(r.text(r.u64())), // BINUNICODE8
  0x55: (r) => r.push(r.text(r.u8())), // SHORT_BINSTRING
  0x42: (r) => r.push(r.raw(r.u32())), // BINBYTES
  0x43: (r) => r.push(r.raw(r.u8())), // SHORT_BINBYTES
  0x8e: (r) => r.push(r.raw(r.u64())), // BINBYTES8
  0x5d: (r) => r.push([]), // EMPTY_LIST
  0x7d: (r) => r.push(new Map()), // EMPTY_DICT
  0x8f: (r) => r.push([]), // EMPTY_SET
  0x29: (r) => r.push([]), // EMPTY_TUPLE
  0x85: tuple(1), // TUPLE1
  0x86: tuple(2), // TUPLE2
  0x87: tuple(3), // TUPLE3
  0x74: (r) => r.push(r.popMarked()), // TUPLE
  0x6c: (r) => r.push(r.popMarked()), // LIST
  0x91: (r) => r.push(r.popMarked()), // FROZENSET
  0x64: (r) => {
    const values = r.popMarked(); // DICT
    r.push(new Map());
    r.set(values);
  },
  0x61: (r) => r.append([r.pop()]), // APPEND
  0x65: (r) => r.append(r.popMarked()), // APPENDS
  0x90: (r) => r.append(r.popMarked()), // ADDITEMS
  0x73: (r) => {
    const value = r.pop(); // SETITEM
    r.set([r.pop(), value]);
  },
  0x75: (r) => r.set(r.popMarked()), // SETITEMS
  0x71: (r) => r.remember(r.u8()), // BINPUT
  0x72: (r) => r.remember(r.u32()), // LONG_BINPUT
  0x94: (r) => r.memoise(), // MEMOIZE
  0x68: (r) => r.recall(r.u8()), // BINGET
  0x6a: (r) => r.recall(r.u32()), // LONG_BINGET
  0x63: (r) => r.global(r.line(), r.line()), // GLOBAL
  0x93: (r) => {
    const [name, module] = [r.pop(), r.pop()]; // STACK_GLOBAL
    if (typeof name !== 'string' || typeof module !== 'string')
      return r.fail('names something without a name');
    r.global(module, name);
  },
  0x69: (r) => {
    r.global(r.line(), r.line()); // INST
    const called = r.pop();
    r.call(called, r.popMarked());
  },
  0x6f: (r) => {
    const [called = null, ...values] = r.popMarked(); // OBJ
    r.call(called, values);
  },
  0x51: (r) => r.persist(), // BINPERSID
  0x50: (r) => {
    r.push(r.line()); // PERSID
    r.persist();
  },
  0x52: (r) => r.reduce(), // REDUCE
  0x81: (r) => r.reduce(), // NEWOBJ
  0x92: (r) => {
    r.pop(); // NEWOBJ_EX: named arguments, then the others.
    r.reduce();
  },
  0x62: (r) => r.build(), // BUILD
  // Texts of protocol 0.
  0x49: (r) => {
    const text = r.line(); // INT
    r.push(text === '00' ? false : text === '01' ? true : r.number(text));
  },
  0x4c: (r) => r.push(r.number(r.line().replace(/L$/, ''))), // LONG
  0x46: (r) => r.push(r.number(r.line())), // FLOAT
  0x53: (r) => r.push(r.line().replace(/^(['"])(.*)\1$/s, '$2')), // STRING
  0x56: (r) => r.push(r.line()), // UNICODE
  0x54: (r) => r.push(r.text(r.u32())), // BINSTRING
  0x70: (r) => r.remember(r.number(r.line())), // PUT
  0x67: (r) => r.recall(r.number(r.line())), // GET
  0x96: (r) => r.push(r.raw(r.u64())), // BYTEARRAY8
};
