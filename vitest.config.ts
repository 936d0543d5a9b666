import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.spec.ts"],
    reporters: ["default", "./test/count-reporter.ts"],
    // No module has state that a spec could leave behind, so that specs share what is loaded and compiled.
    isolate: false,
    maxWorkers: "100%",
    testTimeout: 60_000,
  },
});
