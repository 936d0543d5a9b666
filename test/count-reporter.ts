import type { Reporter, TestModule } from "vitest/node";

/** Closes a run with one plain line that scripts can read: `N passed, N failed`. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const passed = tests.filter((test) => test.result().state === "passed").length;
    const broken = modules.filter(
      (module) => module.state() === "failed" && module.errors().length > 0,
    ).length;
    const failed = tests.filter((test) => test.result().state === "failed").length + broken;
    console.log(`${passed} passed, ${failed} failed`);
  }
}
