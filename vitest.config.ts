import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.spec.ts"],
    reporters: ["default", "./test/count-reporter.ts"],
    // No module has state that a spec could leave behind, so that specs share what is loaded and compiled.
    isolate: false,
    maxWorkers: "100%",
    // Against endless loops only: how long a spec takes on a machine that is busy with other work is no part of it.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
