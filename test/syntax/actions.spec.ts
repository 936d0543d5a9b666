import { describe, expect, it } from "vitest";
import { withoutSpans } from "./arbitrary.ts";
import { marked, parsed, parsedExpression } from "./helpers.ts";

const number = (text: string) => ({ kind: "number", text });
const name = (text: string) => ({ kind: "name", text });

describe("declarations", () => {
  it("are imports, functions and derive blocks", () => {
    const module = parsed(`import { a, constructor } from "./x.grad"
      /// Doc.
      fn f(x: [N, ...], k: int[], s; alpha = 0.5, beta) { return x, k }
      derive f { grad(x, k), value() }`);
    expect(withoutSpans(module)).toEqual({
      imports: [{ names: [{ text: "a" }, { text: "constructor" }], path: "./x.grad" }],
      functions: [
        {
          doc: "Doc.",
          name: { text: "f" },
          params: [
            {
              name: { text: "x" },
              type: { dtype: "float", dims: [{ kind: "extent", value: name("N") }, { kind: "ellipsis" }] },
            },
            { name: { text: "k" }, type: { dtype: "int", dims: [] } },
            { name: { text: "s" } },
          ],
          options: [{ name: { text: "alpha" }, default: number("0.5") }, { name: { text: "beta" } }],
          body: [{ kind: "return", values: [name("x"), name("k")] }],
        },
      ],
      derives: [
        {
          name: { text: "f" },
          requests: [
            { kind: { text: "grad" }, args: [{ text: "x" }, { text: "k" }] },
            { kind: { text: "value" }, args: [] },
          ],
        },
      ],
    });
  });

  it("have spans that hold their text", () => {
    const text = `import { a } from "x"\n/// d\nfn f(x: int[N]) { y[i < N] = x[i] return y }\nderive f { grad(x) }`;
    const { imports, functions, derives } = parsed(text);
    const [define, result] = functions[0]?.body ?? [];
    const binder = define?.kind === "define" ? define.binders?.[0] : undefined;
    const spans = [
      imports[0]?.span,
      imports[0]?.pathSpan,
      functions[0]?.span,
      functions[0]?.params[0]?.type?.span,
      define?.span,
      binder?.span,
      result?.span,
      derives[0]?.span,
    ].map((span) => text.slice(span?.start, span?.end));
    expect(spans).toEqual([
      `import { a } from "x"`,
      `"x"`,
      "fn f(x: int[N]) { y[i < N] = x[i] return y }",
      "int[N]",
      "y[i < N] = x[i]",
      "i < N",
      "return y",
      "derive f { grad(x) }",
    ]);
  });

  it("may be named like members of every object and words of TypeScript", () => {
    const names = ["__proto__", "constructor", "hasOwnProperty", "class", "await", "fnx", "int2", "_", "λ"];
    const text = `fn toString(x) { ${names.map((each) => `${each} = x`).join("\n")}\nreturn ${names.join(", ")} }`;
    const body = parsed(text).functions[0]?.body ?? [];
    expect(body.flatMap((each) => (each.kind === "define" ? [each.name.text] : []))).toEqual(names);
  });
});

describe("references", () => {
  it.each([
    ["x", name("x")],
    ["x[]", { kind: "read", target: { text: "x" }, indices: [] }],
    ["x[..., i]", { kind: "read", target: { text: "x" }, indices: [{ kind: "ellipsis" }, name("i")] }],
    ["f()", { kind: "call", callee: { text: "f" }, args: [], options: [] }],
    [
      "f(x, 1,; a = 2, b = 3,)",
      {
        kind: "call",
        callee: { text: "f" },
        args: [name("x"), number("1")],
        options: [
          { name: { text: "a" }, value: number("2") },
          { name: { text: "b" }, value: number("3") },
        ],
      },
    ],
    [
      "sum[c, u < K, ..., 0](x)",
      {
        kind: "reduce",
        callee: { text: "sum" },
        binders: [
          { kind: "index", name: { text: "c" } },
          { kind: "index", name: { text: "u" }, extent: name("K") },
          { kind: "ellipsis" },
          { kind: "fixed", value: number("0") },
        ],
        args: [name("x")],
        options: [],
      },
    ],
  ])("%s", (text, tree) => {
    expect(withoutSpans(parsedExpression(text))).toEqual(tree);
  });

  it("take only < as the range of an index", () => {
    expect(marked("fn f(x) { y[i <= 3] = x[i] return sum[j < 2 < 3](y[j]) }")).toEqual([
      "GS0112@i <= 3",
      "GS0112@j < 2 < 3",
    ]);
  });
});
