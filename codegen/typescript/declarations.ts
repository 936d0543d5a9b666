/** The interfaces of a kernel's arguments and results as ts-morph structures, for the modules of every back end. */
import { StructureKind } from "ts-morph";
import type { InterfaceDeclarationStructure, OptionalKind, PropertySignatureStructure } from "ts-morph";
import type {
  DimPort,
  KernelInterface,
  MatrixPort,
  OptionPort,
  ResultPort,
  TensorPort,
} from "../interface.ts";
import type { Scope } from "../names.ts";
import { commentText } from "./comment.ts";

/** The names of the interfaces of one kernel in its module. */
export interface TypeNames {
  readonly args: string;
  readonly into: string;
  readonly results: string;
}

/** Claims `FocalArgs`, `FocalInto` and `FocalResults` for a kernel `focal`. */
export function claimTypeNames(kernelName: string, scope: Scope): TypeNames {
  const stem = kernelName.replace(/(?:^|_)(\p{Ll})/gu, (_, letter: string) => letter.toUpperCase());
  return {
    args: scope.claim(`${stem}Args`),
    into: scope.claim(`${stem}Into`),
    results: scope.claim(`${stem}Results`),
  };
}

const plainProperty = /^[\p{ID_Start}_][\p{ID_Continue}]*$/u;

/** `args.logits`, or `args["a b"]`. */
export function accessText(object: string, property: string): string {
  return plainProperty.test(property) ? `${object}.${property}` : `${object}[${JSON.stringify(property)}]`;
}

/** A property's name in a literal or an interface. */
export function propertyText(property: string): string {
  return plainProperty.test(property) ? property : JSON.stringify(property);
}

type Signature = OptionalKind<PropertySignatureStructure>;

const tensorSignature = (port: TensorPort): Signature => ({
  name: propertyText(port.property),
  type: port.type,
  isReadonly: true,
  docs: [commentText(port.doc)],
});

const AFFINE = "readonly offset: number; readonly steps: readonly number[]";

const PLACES = `readonly (${[
  '{ readonly kind: "free" }',
  `{ readonly kind: "affine"; ${AFFINE} }`,
  `{ readonly kind: "data"; readonly indices: number | ArrayLike<number>; readonly shape: readonly number[]; readonly at: readonly { ${AFFINE} }[] }`,
].join(" | ")})[]`;

const LISTS = `readonly { readonly over: readonly number[]; readonly rows: ${PLACES}; readonly columns: ${PLACES}; readonly isMirrored: boolean }[]`;

/** `{ kind: "diagonal"; rows: …; values: Float64Array }` */
function matrixType({ matrix, fields }: MatrixPort): string {
  const { kind } = matrix.structure;
  const numbers = "readonly number[]";
  const pairs = "readonly { readonly row: number; readonly column: number }[]";
  const members: readonly (readonly [string, string])[] = [
    ["kind", JSON.stringify(kind)],
    ["rows", numbers],
    ["columns", numbers],
    ...("shared" in matrix.structure ? [["shared", pairs] as const] : []),
    ...(kind === "sparse"
      ? ([
          ["isSymmetric", "boolean"],
          ["at", LISTS],
        ] as const)
      : []),
    ...fields.map(
      (field) =>
        [
          field.name,
          "port" in field ? field.port.type : `readonly ${field.ports[0]?.type ?? "never"}[]`,
        ] as const,
    ),
  ];
  return `{ ${members.map(([name, type]) => `readonly ${name}: ${type};`).join(" ")} }`;
}

const resultSignature = (port: ResultPort): Signature =>
  port.kind === "tensor"
    ? tensorSignature(port)
    : {
        name: propertyText(port.property),
        type: matrixType(port),
        isReadonly: true,
        docs: [commentText(port.doc)],
      };

const numberSignature = (port: DimPort | OptionPort): Signature => ({
  name: propertyText(port.property),
  type: "number",
  isReadonly: true,
  hasQuestionToken: port.kind === "dim" ? port.isOptional : port.option.default !== undefined,
  docs: [commentText(port.doc)],
});

/** Outputs that the caller can supply memory for. */
export function arrayOutputs(port: KernelInterface): readonly TensorPort[] {
  return port.outputs.filter((output) => output.type !== "number");
}

/** Exported interfaces of the arguments, of the arrays to write into if there are any, and of the results. */
export function interfaceDeclarations(
  port: KernelInterface,
  names: TypeNames,
): readonly InterfaceDeclarationStructure[] {
  const declaration = (
    name: string,
    doc: string,
    properties: Signature[],
  ): InterfaceDeclarationStructure => ({
    kind: StructureKind.Interface,
    name,
    isExported: true,
    docs: [commentText(doc)],
    properties,
  });
  const kernel = port.kernel.name;
  const args = [
    ...port.inputs.map(tensorSignature),
    ...port.dims.map(numberSignature),
    ...port.options.map(numberSignature),
  ];
  const into = arrayOutputs(port).map((output) => ({ ...tensorSignature(output), hasQuestionToken: true }));
  return [
    declaration(names.args, `The arguments of \`${kernel}\`.`, args),
    ...(into.length === 0
      ? []
      : [
          declaration(
            names.into,
            `Where \`${kernel}\` writes results, in place of new arrays. An argument that shares memory with one is copied first.`,
            into,
          ),
        ]),
    declaration(names.results, `The results of \`${kernel}\`.`, port.results.map(resultSignature)),
  ];
}
