/**
 * In: an int expression. Out: whether its double can be −0 in JavaScript, where an int has one zero.
 * Ends because it is a fold.
 */
import { foldExpr } from "../../src/loop/fold.ts";
import type { Expr, Local } from "../../src/loop/types.ts";

/** `natural`: at least +0. `unsigned`: never −0. */
type Zero = "natural" | "unsigned" | "signed";

const unless = (condition: boolean, otherwise: Zero): Zero => (condition ? "natural" : otherwise);

function binaryZero(expr: Expr & { kind: "binary" }, a: Zero, b: Zero): Zero {
  const natural = a === "natural" && b === "natural";
  switch (expr.op) {
    // −0 is only −0 + −0, −0 − 0 and 0 times what is negative.
    case "add":
      return unless(natural, a === "signed" && b === "signed" ? "signed" : "unsigned");
    case "sub":
    case "floordiv":
      return expr.op === "floordiv" && natural ? "natural" : a === "signed" ? "signed" : "unsigned";
    case "mul":
      return unless(natural, "signed");
    case "mod":
      return "natural";
    case "max":
      return unless(
        a === "natural" || b === "natural",
        a === "signed" && b === "signed" ? "signed" : "unsigned",
      );
    case "min":
      return unless(natural, a === "signed" || b === "signed" ? "signed" : "unsigned");
    case "div":
    case "pow":
    case "atan2":
    case "hypot":
      return "signed";
  }
}

function zeroOf(root: Expr, naturals: ReadonlySet<Local>): Zero {
  return foldExpr<Zero>(root, (expr, of) => {
    switch (expr.kind) {
      case "const":
        return Object.is(expr.value, -0) ? "signed" : unless(expr.value >= 0, "unsigned");
      case "local":
        return unless(naturals.has(expr.local), expr.local.type === "int" ? "unsigned" : "signed");
      case "dim":
        return "natural";
      case "option":
      case "load":
        return expr.type === "int" ? "unsigned" : "signed";
      case "unary":
        if (expr.op === "neg") return "unsigned";
        return expr.op === "abs" ? "natural" : of(expr.a);
      case "binary":
        return binaryZero(expr, of(expr.a), of(expr.b));
      case "select": {
        const [a, b] = [of(expr.then), of(expr.else)];
        return unless(
          a === "natural" && b === "natural",
          a === "signed" || b === "signed" ? "signed" : "unsigned",
        );
      }
      case "convert":
        return expr.a.type === "bool" ? "natural" : "signed";
      case "compare":
      case "and":
      case "or":
      case "not":
        return "natural";
    }
  });
}

/** Whether adding +0 changes the value. */
export function canBeMinusZero(expr: Expr, naturals: ReadonlySet<Local>): boolean {
  return expr.type === "int" && zeroOf(expr, naturals) === "signed";
}

/** Whether the value is at least +0, given the locals that are. */
export function isNatural(expr: Expr, naturals: ReadonlySet<Local>): boolean {
  return expr.type === "int" && zeroOf(expr, naturals) === "natural";
}
