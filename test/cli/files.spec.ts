import { describe, expect, it } from "vitest";
import { CommandError } from "../../src/cli/errors.ts";
import { IMPORTS, readSource, writeAll } from "../../src/cli/files.ts";
import { temporaryFolder } from "./command.ts";

const folder = temporaryFolder();

describe("readSource", () => {
  it("gives the text under the name that it was asked for", () => {
    const name = folder.write("a.grad", "fn f(x) { return x }\n");
    expect(readSource(name)).toEqual({ name, text: "fn f(x) { return x }\n" });
  });

  it("says what cannot be read", () => {
    expect(() => readSource(folder.path("none.grad"))).toThrow(CommandError);
  });
});

describe("imports", () => {
  it("are relative to the importing file", () => {
    const name = folder.write("lib/inner.grad", "");
    expect(IMPORTS.resolve("./lib/inner.grad", folder.path("outer.grad"))).toEqual({ name, text: "" });
    expect(IMPORTS.resolve("../lib/inner.grad", name)).toEqual({ name, text: "" });
    expect(IMPORTS.resolve("./inner.grad", folder.path("outer.grad"))).toBeUndefined();
  });
});

describe("writeAll", () => {
  it("makes the folder, writes text and bytes, and leaves nothing else", () => {
    writeAll(folder.path("new/deep"), new Map<string, string | Uint8Array>([["a", "text"], ["b", Uint8Array.of(0, 255)]])); // prettier-ignore
    expect(folder.list("new/deep")).toEqual(["a", "b"]);
    expect(folder.read("new/deep/a").toString()).toBe("text");
    expect([...folder.read("new/deep/b")]).toEqual([0, 255]);
  });

  it("replaces what is there", () => {
    folder.write("old/a", "before");
    writeAll(folder.path("old"), new Map([["a", "after"]]));
    expect(folder.list("old")).toEqual(["a"]);
    expect(folder.read("old/a").toString()).toBe("after");
  });

  it("puts everything back if one file fails", () => {
    folder.write("mixed/a", "before");
    folder.write("mixed/c/inside", "a folder");
    const files = new Map(["a", "b", "c"].map((name) => [name, "after"]));
    expect(() => {
      writeAll(folder.path("mixed"), files);
    }).toThrow("is there, and is not a file");
    expect(folder.list("mixed")).toEqual(["a", "c"]);
    expect(folder.read("mixed/a").toString()).toBe("before");
    expect(folder.list("mixed/c")).toEqual(["inside"]);
  });
});
