/**
 * The command line in few files: whoever runs it waits for each file that is loaded. What only some commands need is in chunks
 * of its own, and the emitters' packages stay outside.
 */
import { defineConfig } from "vite";

export default defineConfig({
  logLevel: "warn",
  ssr: { noExternal: ["ohm-js", "picocolors"] },
  build: {
    ssr: "src/cli/main.ts",
    target: "node20",
    outDir: "dist/src",
    emptyOutDir: false,
    license: { fileName: "bin/LICENSES.md" },
    // `bin` is beside `library`, so that files are found from there as from `cli`
    rolldownOptions: { output: { entryFileNames: "cli/main.js", chunkFileNames: "bin/[name].js" } },
  },
});
