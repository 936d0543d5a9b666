/** The package as it is published, with the kernels of one category, installed in the folder of an application. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export interface Application {
  /** The path of a file that is written there. */
  readonly write: (name: string, content: string) => string;
  readonly folder: string;
  readonly remove: () => void;
}

/** What `npm run build` does, for one category and the runtime. */
const compile = (category: string, folder: string): void => {
  const options = {
    extends: resolve("tsconfig.generated.json"),
    compilerOptions: {
      outDir: join(folder, "dist"),
      rootDir: resolve("."),
      types: [],
      paths: { "gradsmith/runtime": [resolve("src/runtime/index.ts")] },
    },
    include: [],
    files: [`${category}.ts`, `${category}.wasm.ts`].map((name) => resolve("generated", name)),
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(options));
  execFileSync(resolve("node_modules/.bin/tsc"), ["-p", folder]);
  cpSync(join("generated", category), join(folder, "dist/generated", category), {
    recursive: true,
    filter: (path) => !path.endsWith(".ts"),
  });
};

export const installed = (category: string): Application => {
  const folder = mkdtempSync(join(tmpdir(), "gradsmith-package-"));
  compile(category, folder);
  for (const name of ["package.json", "README.md", "LICENSE"]) cpSync(name, join(folder, name));
  const tarball = execFileSync("npm", ["pack", "--ignore-scripts", "--silent"], {
    cwd: folder,
    encoding: "utf8",
  });
  const place = join(folder, "app/node_modules/gradsmith");
  mkdirSync(place, { recursive: true });
  // The kernels depend on nothing, so that unpacking is all that an installation does for them.
  execFileSync("tar", ["-xzf", join(folder, tarball.trim()), "-C", place, "--strip-components", "1"]);
  writeFileSync(join(folder, "app/package.json"), '{ "type": "module" }\n');
  return {
    folder: join(folder, "app"),
    write: (name, content) => {
      const path = join(folder, "app", name);
      writeFileSync(path, content);
      return path;
    },
    remove: () => {
      rmSync(folder, { recursive: true });
    },
  };
};
