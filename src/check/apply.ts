/** Function calls whose arguments are evaluated: counts and options are checked, then the body is entered. */
import { diagnostic, type Span } from "../diagnostics/index.ts";
import type { Name, NamedArgument } from "../syntax/index.ts";
import { elementwise, reducers } from "./builtins.ts";
import { excerpt, textOf, type Frame } from "./frame.ts";
import type { LinkedFunction } from "./link.ts";
import type { Value } from "./value.ts";
import { similar } from "./suggest.ts";

export interface GivenOption {
  readonly name: Name;
  readonly value: Value | undefined;
  readonly span: Span;
}

export const givenOptions = (frame: Frame, options: readonly NamedArgument[]): readonly GivenOption[] =>
  options.map((option) => ({
    name: option.name,
    value: frame.evaluate(frame, option.value),
    span: option.value.span,
  }));

interface UserCall {
  readonly fn: LinkedFunction;
  readonly span: Span;
  readonly callee: Name;
  readonly args: readonly { readonly value: Value | undefined; readonly span: Span }[];
  readonly options: readonly GivenOption[];
}

export const callUser = (frame: Frame, { fn, span, args, options }: UserCall): Value | undefined => {
  const { params } = fn.declaration;
  let sound = true;
  if (args.length !== params.length) {
    reportCount(frame, span, fn.name, args.length, params.length, signatureOf(fn));
    sound = false;
  }
  const given = new Map<string, { readonly value: Value; readonly span: Span }>();
  for (const option of options) {
    if (!acceptsOption(frame, fn, option.name, given)) sound = false;
    else if (option.value === undefined) sound = false;
    else given.set(option.name.text, { value: option.value, span: option.span });
  }
  const values = args.flatMap(({ value, span: at }) => (value === undefined ? [] : [{ value, span: at }]));
  if (!sound || values.length < args.length) return undefined;
  return frame.call(frame, { fn, span, args: values, options: given });
};

const acceptsOption = (
  frame: Frame,
  fn: LinkedFunction,
  name: Name,
  given: ReadonlyMap<string, unknown>,
): boolean => {
  if (given.has(name.text)) {
    frame.report(
      diagnostic("GS0203", name.span, `option \`${name.text}\` is given twice`, { hint: "remove one" }),
    );
    return false;
  }
  const declared = fn.declaration.options.map((option) => option.name.text);
  if (declared.includes(name.text)) return true;
  const near = similar(name.text, declared);
  const isParam = fn.declaration.params.some((param) => param.name.text === name.text);
  const advice = isParam
    ? `\`${name.text}\` is a parameter: give it before the semicolon`
    : near !== undefined
      ? `did you mean ${near}?`
      : declared.length > 0
        ? `options of ${fn.name}: ${declared.join(", ")}`
        : `${fn.name} has no options`;
  frame.report(
    diagnostic("GS0204", name.span, `\`${fn.name}\` has no option \`${name.text}\``, { fill: { advice } }),
  );
  return false;
};

/** The head of a declaration, as it is written. */
export const signatureOf = (fn: LinkedFunction): string => {
  const { params, options } = fn.declaration;
  const list = params.map(({ name, type }) => (type ? `${name.text}: ${textOf(type.span)}` : name.text));
  const tail = options.map(({ name, default: value }) =>
    value ? `${name.text} = ${textOf(value.span)}` : name.text,
  );
  return `${fn.name}(${list.join(", ")}${tail.length > 0 ? `; ${tail.join(", ")}` : ""})`;
};

// ---- errors

const count = (n: number): string => (n === 1 ? "1 argument" : `${n} arguments`);

export const reportCount = (
  frame: Frame,
  span: Span,
  name: string,
  given: number,
  wanted: number,
  signature: string,
): void => {
  frame.report(
    diagnostic("GS0205", span, `\`${name}\` takes ${count(wanted)}, and is given ${given}`, {
      fill: { signature },
    }),
  );
};

export const reportNoOptions = (frame: Frame, options: readonly NamedArgument[], name: string): void => {
  for (const option of options)
    frame.report(
      diagnostic("GS0204", option.name.span, `\`${name}\` has no option \`${option.name.text}\``, {
        fill: { advice: `${name} has no options` },
      }),
    );
};

export const reportUnknownFunction = (frame: Frame, callee: Name): void => {
  const name = callee.text;
  const near = similar(name, [...frame.fn.known(), ...reducers, ...elementwise.keys()]);
  const binding = frame.names.get(name);
  const advice =
    binding !== undefined
      ? `\`${name}\` is a ${binding.role}; to read an element write ${name}[…], to multiply write ${name} * (…)`
      : near !== undefined
        ? `did you mean ${near}?`
        : `define it: fn ${name}(x) { return … }, or import it`;
  frame.report(
    diagnostic("GS0202", callee.span, `there is no function \`${excerpt(callee.span)}\``, {
      fill: { advice },
    }),
  );
};
