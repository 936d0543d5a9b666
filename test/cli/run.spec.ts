import { describe, expect, it } from "vitest";
import { command, temporaryFolder } from "./command.ts";

const folder = temporaryFolder();
const good = folder.write(
  "good.grad",
  "fn loss(x: [N], w: [N]; scale = 2) { return sum(scale * w * x^2) }\nfn half(x) { return x / 2 }\n",
);

describe("help", () => {
  it("lists the commands, with examples and exit codes", async () => {
    const { code, out } = await command("--help");
    expect(code).toBe(0);
    for (const part of ["derive FILE FUNCTION", "build FILE…", "check FILE…", "Examples:", "Exit codes:"])
      expect(out).toContain(part);
  });

  it.each(["derive", "build", "check"])("of %s has examples and exit codes", async (name) => {
    for (const flag of ["--help", "-h"]) {
      const { code, out } = await command(name, flag);
      expect(code).toBe(0);
      expect(out).toContain(`  gradsmith ${name} examples/`);
      expect(out).toMatch(/Exit codes:\n {2}0 /);
      expect(out).toContain("--dim NAME=N");
    }
  });

  it("is what a call without a command gets, as an error", async () => {
    const { code, out, err } = await command();
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain("Usage:");
  });

  it("names the version", async () => {
    expect(await command("--version")).toEqual({ code: 0, out: "gradsmith 0.1.0", err: "" });
  });
});

describe("wrong use", () => {
  it.each<readonly [readonly string[], string, string]>([
    [["biuld", good], "there is no command biuld", "did you mean build?"],
    [["frobnicate"], "there is no command frobnicate", "derive, build, check"],
    [["constructor"], "there is no command constructor", "--help"],
    [["build"], "no file is given", "gradsmith build FILE…"],
    [["check"], "no file is given", "gradsmith check FILE…"],
    [["derive", good], "no function is given", "gradsmith derive FILE FUNCTION"],
    [["derive", good, "loss", "half"], "too many arguments: half", "--help"],
    [["derive", good, "loss", "--wtr", "x"], "there is no flag --wtr", "did you mean --wrt?"],
    [["derive", good, "loss", "--constructor"], "there is no flag --constructor", "derive --help"],
    [["derive", good, "loss", "-q"], "there is no flag -q", "derive --help"],
    [["derive", good, "loss", "--dtype", "f64"], "derive has no flag --dtype", "derive --help"],
    [["derive", good, "loss", "--wrt"], "--wrt", "--help"],
    [["derive", good, "loss", "--steps=3"], "--steps", "--help"],
    [["derive", good, "los"], "there is no function los", "did you mean loss?"],
    [["derive", good, "toString"], "there is no function toString", "there is: loss, half"],
    [["derive", good, "loss", "--wrt", "z"], "no float input of loss called z", "did you mean x?"],
    [["derive", good, "loss", "--format", "latx"], "--format cannot be latx", "did you mean latex?"],
    [["derive", good, "loss", "--dump", "everything"], "--dump cannot be everything", "one of: parse, check"],
    [["build", good, "--target", "js"], "--target cannot be js", "did you mean ts?"],
    [["build", good, "--dtype", "f16"], "--dtype cannot be f16", "f32"],
    [["build", good, "--dim", "M=3"], "there is no dimension M", "did you mean N?"],
    [["build", good, "--dim", "scale=3"], "there is no dimension scale", "there is: N"],
    [["build", good, "--dim", "N=1.5"], "N=1.5 is not a whole number", "--dim N=1"],
    [["build", good, "--dim", "N=-1"], "N=-1 is not a whole number", "--dim N=1"],
    [["build", good, "--dim", "N=1e12"], "N=1000000000000 is not a whole number", "--dim N=1"],
    [["build", good, "--dim", "N"], "--dim N is not a name and a number", "--dim NAME=NUMBER"],
    [["check", good, "--option", "scael=1"], "there is no option scael", "did you mean scale?"],
    [
      ["check", good, "--option", "scale=big"],
      "--option scale=big is not a name and a number",
      "NAME=NUMBER",
    ],
    [["build", folder.path("none.grad")], "cannot read", "check the path"],
    [["build", folder.path(".")], "cannot read", "check the path"],
  ])("%j", async (args, message, hint) => {
    const { code, out, err } = await command(
      ...args,
      ...(args[0] === "build" ? ["--out", folder.path("wrong")] : []),
    );
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(/error GS060\d: /);
    expect(err).toContain(message);
    expect(err.slice(err.indexOf("hint:"))).toContain(hint);
    expect(folder.list("wrong")).toEqual([]);
  });
});

describe("errors in a source", () => {
  const bad = folder.write("bad.grad", "fn f(x: [N]) {\n  y = x + zz\n  return sum(w)\n}\n");

  it.each([
    ["derive", bad, "f"],
    ["build", bad],
    ["check", bad],
  ])("%s reports all, each with its place, a caret and a hint", async (...args) => {
    const { code, out, err } = await command(...args);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain("error GS0201: ");
    expect(err).toContain(`--> ${bad}:2:11`);
    expect(err).toContain(`--> ${bad}:3:14`);
    expect(err).toMatch(/2 \| {3}y = x \+ zz\n {3}\| {11}\^\^\n/);
    expect(err.match(/hint: /g)?.length).toBe(2);
  });

  it("names the imported file that has them", async () => {
    folder.write("lib/inner.grad", "fn g(x) { return x + }\n");
    const outer = folder.write(
      "outer.grad",
      'import { g } from "./lib/inner.grad"\nfn f(x: [N]) { return sum(g(x)) }\n',
    );
    const { code, err } = await command("build", outer, "--out", folder.path("outer"));
    expect(code).toBe(1);
    expect(err).toContain(`${folder.path("lib/inner.grad")}:1:22`);
    expect(folder.list("outer")).toEqual([]);
  });
});
