/** One parser that is fuzzed: a file here, a line in `registry.ts`. */
export interface FuzzTarget {
  /** Kebab-case, the name of its folder in `cases`. */
  readonly name: string;
  /** Modules of `src` that it is about: their branches are its coverage, their texts and numbers its dictionary. */
  readonly modules: RegExp;
  /** Small valid inputs. */
  seeds(): readonly Uint8Array[];
  /** Gives an input to the parser. Throws where something is not as it has to be (`expectations.ts`). */
  run(bytes: Uint8Array): void | Promise<void>;
  /** Bytes of the longest mutated input; 8 KiB unless given. */
  readonly longest?: number;
  /** Where the bounds of `bounds.ts` do not fit, others. */
  readonly bounds?: Partial<Bounds>;
}

/** What an input of n bytes may cost: `perByte`·n + `constant`. */
export interface Bounds {
  /** Runs of loops and functions. */
  readonly workPerByte: number;
  readonly workConstant: number;
  /** Elements of arrays and bytes that are allocated by size, reads included. */
  readonly bytesPerByte: number;
  readonly bytesConstant: number;
}

/** What holds unless a target says otherwise. */
export const BOUNDS: Bounds = {
  workPerByte: 1000,
  workConstant: 20_000,
  bytesPerByte: 100,
  bytesConstant: 2 ** 17,
};
