/**
 * In: the bytes of a module. Out: an error where an engine would reject one of its functions.
 * Terminates: one pass over its sections, and over the declarations of locals.
 */

import { CodedError } from "../../src/diagnostics/index.ts";

/** Of one function. */
export interface Limits {
  readonly locals: number;
  readonly bytes: number;
}

/**
 * What all engines agree on (WebAssembly JavaScript Interface, "Implementation-defined Limits"): 50,000 locals, of which at most
 * 1,000 are parameters, and a body of 7,654,321 bytes.
 */
export const ENGINES: Limits = { locals: 49_000, bytes: 7_654_321 };

const HEADER = 8;
const CODE_SECTION = 10;

export function expectWithin(module: Uint8Array, limits: Limits): void {
  for (const { bytes, locals } of functionsOf(module)) {
    if (bytes <= limits.bytes && locals <= limits.locals) continue;
    throw new CodedError(
      "GS0606",
      `a function of ${bytes} bytes with ${locals} locals is more than WebAssembly engines take: ${limits.bytes} bytes and ${limits.locals} locals`,
    );
  }
}

/** The locals that each function declares, and the length of its body. */
function functionsOf(module: Uint8Array): readonly Limits[] {
  const reader = createReader(module);
  while (reader.at() < module.length) {
    const section = reader.number();
    const length = reader.number();
    if (section === CODE_SECTION) return Array.from({ length: reader.number() }, () => functionAt(reader));
    reader.go(reader.at() + length);
  }
  return [];
}

function functionAt(reader: Reader): Limits {
  const bytes = reader.number();
  const end = reader.at() + bytes;
  let locals = 0;
  for (let groups = reader.number(); groups > 0; groups--) {
    locals += reader.number();
    reader.number(); // their type
  }
  reader.go(end);
  return { locals, bytes };
}

interface Reader {
  readonly at: () => number;
  readonly go: (to: number) => void;
  /** Unsigned, seven bits in a byte, the lowest first (LEB128). */
  readonly number: () => number;
}

function createReader(bytes: Uint8Array): Reader {
  let place = HEADER;
  return {
    at: () => place,
    go: (to) => {
      place = to;
    },
    number: () => {
      let [value, unit, byte] = [0, 1, 0];
      do {
        byte = bytes[place++] ?? 0;
        value += (byte % 128) * unit;
        unit *= 128;
      } while (byte >= 128);
      return value;
    },
  };
}
