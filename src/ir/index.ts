export type * from "./types.ts";
export { createArena, type Arena } from "./arena.ts";
export * as affine from "./affine.ts";
export * as range from "./range.ts";
export * as build from "./build.ts";
export * from "./walk.ts";
export * from "./program.ts";
export * from "./rational.ts";
