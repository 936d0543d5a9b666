import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.spec.ts"],
    reporters: ["default", "./test/count-reporter.ts"],
    testTimeout: 60_000,
  },
});
