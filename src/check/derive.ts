/** `derive f { … }` blocks → requests that the differentiation can serve. Terminates: blocks are finite lists. */
import type { Program } from "../ir/types.ts";
import { diagnostic, type Collector, type Span } from "../diagnostics/index.ts";
import type { Derive, DeriveRequest, Name } from "../syntax/index.ts";
import type { LinkedFunction } from "./link.ts";
import { similar } from "./suggest.ts";

export type RequestKind = "value" | "grad" | "vjp" | "jvp" | "hvp" | "hessian" | "jacobian";

/** ∂ (or ∂²) of `rows` by `columns`: of a Jacobian an output by a parameter, of a Hessian two parameters. */
export interface CheckedMatrix {
  readonly rows: string;
  readonly columns: string;
}

export interface CheckedRequest {
  readonly kind: RequestKind;
  /** Parameters to differentiate by: as given, else all that are float. Of a Hessian and a Jacobian none: they have `matrices`. */
  readonly wrt: readonly string[];
  readonly matrices: readonly CheckedMatrix[];
  readonly span: Span;
}

export interface CheckedDerive {
  readonly name: string;
  readonly requests: readonly CheckedRequest[];
}

/** What stands between the parentheses. */
type Arguments = "none" | "parameters" | "pair of parameters" | "output and parameter";

const KINDS: { readonly [K in RequestKind]: Arguments } = {
  value: "none",
  grad: "parameters",
  vjp: "parameters",
  jvp: "parameters",
  hvp: "parameters",
  hessian: "pair of parameters",
  jacobian: "output and parameter",
};

const asKind = (name: string): RequestKind | undefined =>
  Object.hasOwn(KINDS, name) ? (name as RequestKind) : undefined;

interface Known {
  readonly fn: LinkedFunction;
  /** Undefined where the function has an error. */
  readonly program: Program | undefined;
}

export const checkDerives = (
  derives: readonly Derive[],
  functions: ReadonlyMap<string, Known>,
  collector: Collector,
): readonly CheckedDerive[] => {
  const checked: CheckedDerive[] = [];
  for (const { name, requests } of derives) {
    const known = functions.get(name.text);
    if (known === undefined) {
      const near = similar(name.text, functions.keys());
      const advice = near === undefined ? "derive names a function of this file" : `did you mean ${near}?`;
      collector.report(
        diagnostic("GS0202", name.span, `there is no function \`${name.text}\` in this file`, {
          fill: { advice },
        }),
      );
      continue;
    }
    const sound = requests.map((request) => checkRequest(request, known, collector));
    checked.push({ name: name.text, requests: sound.filter((each) => each !== undefined) });
  }
  return checked;
};

const checkRequest = (
  { kind: name, args }: DeriveRequest,
  { fn, program }: Known,
  collector: Collector,
): CheckedRequest | undefined => {
  const kind = asKind(name.text);
  if (kind === undefined) {
    reportKind(name, collector);
    return undefined;
  }
  const floats = fn.declaration.params
    .filter((param) => param.type?.dtype !== "int")
    .map((param) => param.name.text);
  const is = (arg: Name): boolean => isFloatParameter(arg, fn, floats, collector);
  if (kind === "grad" && program !== undefined && !hasScalarOutput(program)) {
    collector.report(
      diagnostic("GS0503", name.span, `\`${fn.name}\` returns an array, and has no gradient`, {
        fill: { name: args.map((arg) => arg.text).join(", ") },
      }),
    );
    return undefined;
  }
  const asked: Asked = { name, args, floats, outputs: floatOutputs(program), is, collector };
  const { wrt, matrices } = ARGUMENTS[KINDS[kind]](asked);
  return { kind, wrt, matrices, span: name.span };
};

interface Asked {
  readonly name: Name;
  readonly args: readonly Name[];
  readonly floats: readonly string[];
  readonly outputs: readonly string[];
  /** Whether it is a float parameter; reports it otherwise. */
  readonly is: (arg: Name) => boolean;
  readonly collector: Collector;
}

type Given = Pick<CheckedRequest, "wrt" | "matrices">;

const NOTHING: Given = { wrt: [], matrices: [] };

const matrix = (rows: string, columns: string): CheckedMatrix => ({ rows, columns });

const ARGUMENTS: { readonly [A in Arguments]: (asked: Asked) => Given } = {
  none: (asked) => {
    tooMany(asked, 0, "value(), of all results");
    return NOTHING;
  },
  parameters: ({ args, floats, is, collector }) => {
    const isFirst = (arg: Name, k: number): boolean => {
      if (args.findIndex(({ text }) => text === arg.text) === k) return true;
      collector.report(
        diagnostic("GS0203", arg.span, `\`${arg.text}\` is asked for twice`, { hint: "remove one" }),
      );
      return false;
    };
    const asked = args.filter(isFirst).filter(is);
    return { wrt: args.length === 0 ? floats : asked.map((arg) => arg.text), matrices: [] };
  },
  // a Hessian is symmetric: of all its blocks, those on and above the diagonal
  "pair of parameters": (asked) => {
    const { args, floats, is } = asked;
    if (tooMany(asked, 2, "hessian(x) or hessian(x, y), with one or two parameters")) return NOTHING;
    if (args.length === 0) {
      const all = floats.flatMap((rows, k) => floats.slice(k).map((columns) => matrix(rows, columns)));
      return { wrt: [], matrices: all };
    }
    const [first, second = first] = args.filter(is);
    return first === undefined || second === undefined
      ? NOTHING
      : { wrt: [], matrices: [matrix(first.text, second.text)] };
  },
  "output and parameter": (asked) => {
    const { args, floats, outputs, is } = asked;
    if (tooMany(asked, 2, "jacobian(x), or jacobian(y, x) for a result y")) return NOTHING;
    const [of, by] = args.length === 2 ? args : [undefined, args[0]];
    if (of !== undefined && !isOutput(of, asked)) return NOTHING;
    if (by !== undefined && !is(by)) return NOTHING;
    const rows = of === undefined ? outputs : [of.text];
    const columns = by === undefined ? floats : [by.text];
    return { wrt: [], matrices: rows.flatMap((row) => columns.map((column) => matrix(row, column))) };
  },
};

const tooMany = ({ name, args, collector }: Asked, most: 0 | 2, signature: string): boolean => {
  if (args.length <= most) return false;
  const limit = most === 0 ? "no names" : "at most two names";
  collector.report(
    diagnostic("GS0205", name.span, `\`${name.text}\` takes ${limit}, not ${args.length}`, {
      fill: { signature },
    }),
  );
  return true;
};

const isOutput = (arg: Name, { outputs, collector }: Asked): boolean => {
  if (outputs.includes(arg.text)) return true;
  const near = similar(arg.text, outputs);
  const advice = near === undefined ? `float results: ${outputs.join(", ")}` : `did you mean ${near}?`;
  collector.report(
    diagnostic("GS0201", arg.span, `there is no float result \`${arg.text}\``, { fill: { advice } }),
  );
  return false;
};

const floatOutputs = (program: Program | undefined): readonly string[] =>
  (program?.outputs ?? []).filter(({ tensor }) => tensor.dtype === "float").map(({ name }) => name);

const hasScalarOutput = ({ outputs }: Program): boolean =>
  outputs.length === 1 && outputs.every((output) => output.tensor.shape.length === 0);

const reportKind = (name: Name, collector: Collector): void => {
  const known = Object.keys(KINDS);
  const near = similar(name.text, known);
  const advice = near === undefined ? `there is: ${known.join(", ")}` : `did you mean ${near}?`;
  collector.report(
    diagnostic("GS0502", name.span, `\`${name.text}\` is not a derivative`, { fill: { advice } }),
  );
};

const isFloatParameter = (
  arg: Name,
  fn: LinkedFunction,
  floats: readonly string[],
  collector: Collector,
): boolean => {
  if (floats.includes(arg.text)) return true;
  const param = fn.declaration.params.find((each) => each.name.text === arg.text);
  if (param !== undefined) {
    collector.report(
      diagnostic("GS0501", arg.span, `\`${arg.text}\` is an int tensor`, {
        fill: { advice: "derivatives are taken by float parameters" },
        related: [{ span: param.type?.span ?? param.name.span, message: "it is declared here" }],
      }),
    );
    return false;
  }
  const near = similar(arg.text, floats);
  const advice =
    near === undefined ? `parameters of ${fn.name}: ${floats.join(", ")}` : `did you mean ${near}?`;
  collector.report(
    diagnostic("GS0201", arg.span, `\`${fn.name}\` has no parameter \`${arg.text}\``, { fill: { advice } }),
  );
  return false;
};
