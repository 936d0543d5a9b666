/**
 * What a spec of an operation says: where its inputs are sampled, how smooth it is, and where its formula comes from. What
 * errors are allowed is no part of it: the one table of tolerances holds for all operations.
 */
import type { ConventionName } from "./conventions.ts";
import type { Category, OperationName } from "./operations.ts";

/** The numbers that an input may be. */
export type Domain =
  | { readonly kind: "interval"; readonly from: number; readonly to: number }
  /** No two elements are equal, nor nearly so: an order of them has no ties. */
  | { readonly kind: "distinct"; readonly from: number; readonly to: number }
  | { readonly kind: "choice"; readonly values: readonly number[] }
  /** A whole number below the extent that it indexes. */
  | { readonly kind: "index" };

export interface OperationSpec {
  readonly inputs: Readonly<Record<string, Domain>>;
  /** Extents to sample with, where the shapes ask for particular ones. */
  readonly dims?: Readonly<Record<string, number>>;
  /** Options to sample with, where the defaults say too little. */
  readonly options?: Readonly<Record<string, number>>;
  /** Of class C∞ on the domain, or smooth in pieces: only a smooth one has second derivatives everywhere. */
  readonly smoothness: "smooth" | "piecewise";
  /** What holds at its kinks, ties and singular points: rows of the conventions. */
  readonly conventions?: readonly ConventionName[];
  /** The formula's source. */
  readonly reference: string;
}

/** A spec for each definition of a file. */
export type Specs<C extends Category> = { readonly [K in OperationName<C>]: OperationSpec };

export const interval = (from: number, to: number): Domain => ({ kind: "interval", from, to });

export const distinct = (from: number, to: number): Domain => ({ kind: "distinct", from, to });

export const choice = (...values: readonly number[]): Domain => ({ kind: "choice", values });

export const index: Domain = { kind: "index" };
