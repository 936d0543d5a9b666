/**
 * Names of the source as names of generated TypeScript. `identifierOf` and `propertyName` are injective; a `Scope` then
 * keeps the identifiers of one module or function apart.
 */

/** Words that JavaScript reserves in modules, and those that read as something else at the start of a statement. */
const KEYWORDS = `abstract arguments async await break case catch class const continue debugger declare default delete
  do else enum eval export extends false finally for function if implements import in instanceof interface let module
  namespace new null package private protected public return static super switch this throw true try type typeof
  undefined using var void while with yield`;

/** Globals that generated code, or what surrounds it, reads; and what is no ordinary member of a module. */
const GLOBALS = `Array ArrayBuffer BigInt Boolean DataView Error Float32Array Float64Array Function Infinity Int32Array
  Map Math NaN Number Object Promise RangeError Readonly Record Reflect Set SharedArrayBuffer String Symbol TypeError
  URL Uint8Array WebAssembly __proto__ atob console document exports fetch globalThis process require self then window`;

const words = (text: string): readonly string[] => text.split(/\s+/u);

const RESERVED: ReadonlySet<string> = new Set([...words(KEYWORDS), ...words(GLOBALS)]);

/** What every object has: an absent property of such a name would be found all the same. `then` would make a promise. */
const INHERITED: ReadonlySet<string> = new Set([...Object.getOwnPropertyNames(Object.prototype), "then"]);

const identifierCharacter = /^[\p{ID_Continue}]$/u;
const identifierStart = /^[\p{ID_Start}_]/u;

/** A reserved word gets an underscore, and so does a reserved word with underscores: that keeps the map injective. */
function avoid(reserved: ReadonlySet<string>, name: string): string {
  for (let stem = name; ; stem = stem.slice(0, -1)) {
    if (reserved.has(stem)) return `${name}_`;
    if (!stem.endsWith("_")) return name;
  }
}

/**
 * An identifier. Any character that may not stand in one, and `$` itself, becomes `$` and its code point in hexadecimal
 * and `$`; a name that starts otherwise than with a letter gets `$$` in front.
 */
export function identifierOf(name: string): string {
  const characters = Array.from(name, (character) =>
    identifierCharacter.test(character) ? character : `$${(character.codePointAt(0) ?? 0).toString(16)}$`,
  ).join("");
  return avoid(RESERVED, identifierStart.test(characters) ? characters : `$$${characters}`);
}

/** A property: the name itself, except where an object without that property would have one. */
export function propertyName(name: string): string {
  return avoid(INHERITED, name);
}

/** The identifiers taken in one scope. */
export interface Scope {
  /** An identifier for this name that nothing else in the scope, or in those around it, has. */
  readonly claim: (name: string) => string;
  readonly has: (identifier: string) => boolean;
}

/** A scope inside another, whose identifiers it does not shadow. */
export function createScope(around?: Scope): Scope {
  const taken = new Set<string>();
  const next = new Map<string, number>();
  const has = (identifier: string): boolean => taken.has(identifier) || (around?.has(identifier) ?? false);
  const claim = (name: string): string => {
    const base = identifierOf(name);
    let identifier = base;
    for (let n = next.get(base) ?? 2; has(identifier); n += 1) {
      identifier = `${base}_${n}`;
      next.set(base, n + 1);
    }
    taken.add(identifier);
    return identifier;
  };
  return { claim, has };
}
