/** `derive f { … }` blocks → requests that the differentiation can serve. Terminates: blocks are finite lists. */
import type { Program } from "../ir/types.ts";
import { diagnostic, type Collector, type Span } from "../diagnostics/index.ts";
import type { Derive, DeriveRequest } from "../syntax/index.ts";
import type { LinkedFunction } from "./link.ts";
import { similar } from "./suggest.ts";

export type RequestKind = "value" | "grad" | "vjp";

export interface CheckedRequest {
  readonly kind: RequestKind;
  /** Parameters to differentiate by: as given, else all that are float. */
  readonly wrt: readonly string[];
  readonly span: Span;
}

export interface CheckedDerive {
  readonly name: string;
  readonly requests: readonly CheckedRequest[];
}

const KINDS: { readonly [K in RequestKind]: "none" | "parameters" } = {
  value: "none",
  grad: "parameters",
  vjp: "parameters",
};

const LATER: ReadonlySet<string> = new Set(["hessian", "hvp", "jvp", "jacobian"]);

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
  const given = args.filter((arg) => isFloatParameter(arg, fn, floats, collector));
  if (kind === "grad" && program !== undefined && !hasScalarOutput(program)) {
    collector.report(
      diagnostic("GS0503", name.span, `\`${fn.name}\` returns an array, and has no gradient`, {
        fill: { name: args.map((arg) => arg.text).join(", ") },
      }),
    );
    return undefined;
  }
  const wrt = KINDS[kind] === "none" ? [] : args.length === 0 ? floats : given.map((arg) => arg.text);
  return { kind, wrt, span: name.span };
};

const hasScalarOutput = ({ outputs }: Program): boolean =>
  outputs.length === 1 && outputs.every((output) => output.tensor.shape.length === 0);

const reportKind = (name: DeriveRequest["kind"], collector: Collector): void => {
  if (LATER.has(name.text)) {
    collector.report(
      diagnostic("GS0403", name.span, `\`${name.text}\` is not supported yet`, {
        fill: { advice: `supported: ${Object.keys(KINDS).join(", ")}` },
      }),
    );
    return;
  }
  const near = similar(name.text, [...Object.keys(KINDS), ...LATER]);
  const advice = near === undefined ? `supported: ${Object.keys(KINDS).join(", ")}` : `did you mean ${near}?`;
  collector.report(
    diagnostic("GS0502", name.span, `\`${name.text}\` is not a derivative`, { fill: { advice } }),
  );
};

const isFloatParameter = (
  arg: DeriveRequest["args"][number],
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
