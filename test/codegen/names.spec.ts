import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createScope, identifierOf, propertyName } from "../../codegen/names.ts";

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

describe("identifierOf", () => {
  it.each([
    ["logits", "logits"],
    ["λ", "λ"],
    ["x_2", "x_2"],
    ["class", "class_"],
    ["class_", "class__"],
    ["await", "await_"],
    ["arguments", "arguments_"],
    ["eval", "eval_"],
    ["Math", "Math_"],
    ["Float32Array", "Float32Array_"],
    ["NaN", "NaN_"],
    ["a b", "a$20$b"],
    ["a$b", "a$24$b"],
    ["2x", "$$2x"],
    ["", "$$"],
    ["*/", "$$$2a$$2f$"],
    ["__proto__", "__proto___"],
  ])("%j becomes %s", (name, identifier) => {
    expect(identifierOf(name)).toBe(identifier);
  });

  const word = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.stringMatching(/^(class|Math|eval|x|\$|2| ){0,3}_{0,3}$/),
  );

  it("is an identifier, and injective", () => {
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(identifierOf(a)).toMatch(IDENTIFIER);
        if (a !== b) expect(identifierOf(a)).not.toBe(identifierOf(b));
      }),
    );
  });
});

describe("propertyName", () => {
  it("is the name, but for what every object has", () => {
    expect(["x", "class", "a b", ""].map(propertyName)).toEqual(["x", "class", "a b", ""]);
    for (const name of Object.getOwnPropertyNames(Object.prototype))
      expect(propertyName(name) in {}).toBe(false);
  });

  it("is injective where it changes names", () => {
    const names = [
      "__proto__",
      "__proto___",
      "__proto____",
      "__proto",
      "constructor",
      "constructor_",
      "then",
      "then_",
    ];
    expect(new Set(names.map(propertyName)).size).toBe(names.length);
  });
});

describe("a scope", () => {
  it("gives each claim an identifier of its own, also inside another scope", () => {
    const outer = createScope();
    expect([outer.claim("x"), outer.claim("x"), outer.claim("x_2"), outer.claim("x")]).toEqual([
      "x",
      "x_2",
      "x_2_2",
      "x_3",
    ]);
    const inner = createScope(outer);
    expect([inner.claim("x"), inner.claim("y")]).toEqual(["x_4", "y"]);
    expect([outer.has("y"), inner.has("y"), inner.has("x")]).toEqual([false, true, true]);
  });
});
