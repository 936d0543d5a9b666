/**
 * Every error and warning gradsmith can report. The first digit pair is the stage: 01 syntax, 02 names,
 * 03 shapes and indices, 04 types and options, 05 differentiation, 06 build and command line,
 * 07 run time and gradient check, 08 threads. A `{hole}` in a hint is filled by the place that reports the error.
 */
export interface CodeEntry {
  readonly severity: "error" | "warning";
  readonly title: string;
  readonly hint: string;
}

type CodeText = `GS${"01" | "02" | "03" | "04" | "05" | "06" | "07" | "08"}${number}`;

export const codes = {
  GS0101: { severity: "error", title: "unexpected text", hint: "{advice}" },
  GS0102: { severity: "error", title: "bracket never closed", hint: 'add the missing "{close}"' },
  GS0103: {
    severity: "error",
    title: "closing bracket without an opening one",
    hint: 'remove this "{close}", or open it earlier',
  },
  GS0104: {
    severity: "error",
    title: "nested too deeply",
    hint: "give the inner parts names of their own (part = …) and use the names",
  },
  GS0105: { severity: "error", title: "comment never closed", hint: 'close the comment with "*/"' },
  GS0106: {
    severity: "error",
    title: "text never closed",
    hint: "close the text with '\"' on the same line",
  },
  GS0107: {
    severity: "error",
    title: "character outside the language",
    hint: "remove it; names are made of the letters a to z, Greek letters, digits and _",
  },
  GS0108: {
    severity: "error",
    title: "floor division or comment",
    hint: "write (a // b), or a comment that is not an expression",
  },
  GS0109: {
    severity: "error",
    title: "reserved word as a name",
    hint: 'choose another name, for example "{other}"',
  },
  GS0110: {
    severity: "error",
    title: "import below a declaration",
    hint: "move all imports to the top of the file",
  },
  GS0111: {
    severity: "error",
    title: "malformed number",
    hint: "write a number like 1, 0.25 or 1e-5",
  },
  GS0112: {
    severity: "error",
    title: "malformed index range",
    hint: "a range is written: index < extent",
  },

  GS0201: { severity: "error", title: "unknown name", hint: "{advice}" },
  GS0202: { severity: "error", title: "unknown function", hint: "{advice}" },
  GS0203: { severity: "error", title: "name defined twice", hint: "give one of the two another name" },
  GS0204: { severity: "error", title: "unknown option", hint: "{advice}" },
  GS0205: { severity: "error", title: "wrong number of arguments", hint: "{signature}" },
  GS0206: { severity: "error", title: "import not found", hint: "{advice}" },
  GS0207: {
    severity: "error",
    title: "imports form a circle",
    hint: "move what both files need into a third one",
  },
  GS0208: {
    severity: "error",
    title: "function calls itself",
    hint: "write the repetition as a reduction over an index, or as a recurrence",
  },
  GS0209: { severity: "error", title: "missing return", hint: "end the function with: return {name}" },
  GS0210: { severity: "warning", title: "definition not used", hint: "remove it, or return it" },
  GS0211: {
    severity: "error",
    title: "used before its definition",
    hint: "move the definition above its first use",
  },

  GS0301: { severity: "error", title: "shapes do not match", hint: "{advice}" },
  GS0302: {
    severity: "error",
    title: "wrong number of indices",
    hint: "write one index for each dimension of {shape}",
  },
  GS0303: { severity: "error", title: "index without a range", hint: "{advice}" },
  GS0304: {
    severity: "error",
    title: "index with two ranges",
    hint: "use two indices, or state the range: {index} < extent",
  },
  GS0305: {
    severity: "error",
    title: "read may fall outside",
    hint: "give a value for outside reads: ({read} ?? 0), or narrow the range of the index",
  },
  GS0306: { severity: "error", title: "index not affine", hint: "{advice}" },
  GS0307: { severity: "error", title: "dimension cannot be determined", hint: "{advice}" },
  GS0308: { severity: "error", title: "no recurrence", hint: "{advice}" },
  GS0309: {
    severity: "error",
    title: "not a whole extent",
    hint: "choose numbers of which one divides the other, or use // for the whole part of a division",
  },

  GS0401: { severity: "error", title: "wrong type", hint: "{advice}" },
  GS0402: {
    severity: "error",
    title: "option must be constant",
    hint: "give it a value at build time: --option {name}=…",
  },
  GS0403: { severity: "error", title: "unsupported", hint: "{advice}" },

  GS0501: { severity: "error", title: "not differentiable", hint: "{advice}" },
  GS0502: { severity: "error", title: "unknown derivative", hint: "{advice}" },
  GS0503: {
    severity: "error",
    title: "gradient of an array",
    hint: "a gradient needs a scalar result; ask for vjp({name}) instead",
  },
  GS0504: {
    severity: "error",
    title: "derivative in no order of steps",
    hint: "in reads of earlier steps, use the index of the steps in that dimension only: h[t - 1 - k, j], and not h[t - 1 - k, t]",
  },

  GS0601: { severity: "error", title: "file cannot be read", hint: "check the path and its permissions" },
  GS0602: { severity: "error", title: "file cannot be written", hint: "check the path and its permissions" },
  GS0603: { severity: "error", title: "unknown command or option", hint: "{advice}" },
  GS0604: {
    severity: "error",
    title: "internal verification failed",
    hint: "please report this with the source file",
  },
  GS0605: {
    severity: "error",
    title: "file of another form",
    hint: "give a file of the form that the help names",
  },
  GS0606: {
    severity: "error",
    title: "too much straight-line code",
    hint: "keep loops: give a smaller --unroll (the budget), or fix fewer dimensions",
  },

  GS0701: { severity: "error", title: "gradient check failed", hint: "{advice}" },
  GS0702: { severity: "error", title: "input does not fit", hint: "{advice}" },
  GS0703: {
    severity: "error",
    title: "nowhere finite",
    hint: "give dimensions and options at which it is finite: --dim N=3 --option alpha=0.5",
  },

  GS0801: { severity: "error", title: "memory cannot be shared", hint: "{advice}" },
  GS0802: { severity: "error", title: "worker does not start", hint: "{advice}" },
} as const satisfies Readonly<Partial<Record<CodeText, CodeEntry>>>;

export type Code = keyof typeof codes;

type Holes<Text extends string> = Text extends `${string}{${infer Hole}}${infer Rest}`
  ? Hole | Holes<Rest>
  : never;

/** The names of the holes in the hint of a code. */
export type HintHole<C extends Code> = Holes<(typeof codes)[C]["hint"]>;
