/** Shorthand for writing loop IR by hand in specs. */
export * from "../../loop/build.ts";
