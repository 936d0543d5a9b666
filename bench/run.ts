/**
 * `npm run bench`: every workload on gradsmith's kernels, on its peers, on plain loops and on hand-written kernels, in
 * one process. Results are checked against loops in doubles before they are timed, and timed in turn.
 */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { CommandError, EXIT } from "../src/cli/errors.ts";
import { runMain } from "../src/cli/runner.ts";
import { createCeilings, OPERATIONS_PER_STEP, type Ceilings } from "./ceilings.ts";
import {
  COLUMN_NAMES,
  COLUMNS,
  surroundings,
  type ColumnName,
  type Contestant,
  type Surroundings,
} from "./contestants.ts";
import { timeInTurn, type Effort, type Run } from "./measure.ts";
import { BENCH, installPeers, versionOf } from "./peers.ts";
import { plot } from "./plot.ts";
import { markdown, terminalRow, type Cell, type Report, type Row } from "./report.ts";
import { drawInputs, errorsOf, mapRecord, type Arrays, type Values } from "./values.ts";
import { sizeOf, type Workload } from "./workload.ts";

const FULL: Effort = { budget: 4000, minRounds: 7, maxRounds: 101, warm: 250 };
const QUICK: Effort = { budget: 600, minRounds: 3, maxRounds: 21, warm: 60 };

/** Relative to the largest element. What is further off is marked as wrong. */
const TOLERANCE = 1e-5;

const out = (text: string): void => void process.stdout.write(`${text}\n`);
const err = (text: string): void => void process.stderr.write(`${text}\n`);

const isWorkload = (value: unknown): value is Workload =>
  typeof value === "object" && value !== null && "definition" in value;

const FOLDER = fileURLToPath(new URL("workloads/", import.meta.url));

/** All exports of the files, by name. A module imported under another address is compiled anew. */
const loadWorkloads = async (address: string): Promise<ReadonlyMap<string, Workload>> => {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith(".js"));
  const modules = await Promise.all(
    files.map(
      async (file): Promise<object> =>
        (await import(`${pathToFileURL(resolve(FOLDER, file)).href}${address}`)) as object,
    ),
  );
  const found = modules.flatMap((module) => Object.values(module).flat() as unknown[]).filter(isWorkload);
  return new Map(found.map((each) => [each.name, each]));
};

/** By the loops, in doubles: on code of their own, so that loops in floats are not slowed down by this run. */
const referenceOf = ({ loops, outputs }: Workload, drawn: Arrays<Float32Array>): Values => {
  const into = mapRecord(outputs, (shape) => new Float64Array(sizeOf(shape)));
  loops(
    mapRecord(drawn, (values) => Float64Array.from(values)),
    into,
  );
  return into;
};

type Entered = { readonly cell: Cell; readonly contestant?: Contestant };

const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split("\n").slice(0, 2).join(" ");

const enter = async (
  name: ColumnName,
  workload: Workload,
  drawn: Arrays<Float32Array>,
  want: Values,
  around: Surroundings,
): Promise<Entered> => {
  try {
    const contestant = await COLUMNS[name].make(workload, drawn, around);
    if (contestant === undefined) return { cell: { kind: "none" } };
    const errors = errorsOf(workload.outputs, await contestant.results(), want);
    const wrong = Object.values(errors).some((error) => !(error <= TOLERANCE));
    return { cell: { kind: wrong ? "wrong" : "right", errors }, contestant };
  } catch (error) {
    return { cell: { kind: "failed", reason: reasonOf(error) } };
  }
};

const bytesOf = ({ inputs, outputs }: Workload): number =>
  [...Object.values(inputs).map(({ shape }) => shape), ...Object.values(outputs)].reduce(
    (sum, shape) => sum + 4 * sizeOf(shape),
    0,
  );

type Timed = ColumnName | "copy" | "add" | "operate";

const ceilingRuns = (ceilings: Ceilings, workload: Workload): readonly (readonly [Timed, Run])[] => {
  const bytes = bytesOf(workload);
  const sync =
    (run: () => void): Run =>
    () => {
      run();
      return undefined;
    };
  return [
    ["copy", sync(() => { ceilings.copy(bytes); })], // prettier-ignore
    ["add", sync(() => { ceilings.add(bytes); })], // prettier-ignore
    ...(workload.operations === undefined
      ? []
      : ([["operate", sync(() => { ceilings.operate(workload.operations ?? OPERATIONS_PER_STEP); })]] as const)), // prettier-ignore
  ];
};

const measure = async (
  workload: Workload,
  reference: Workload,
  columns: readonly ColumnName[],
  ceilings: Ceilings,
  around: Surroundings,
  effort: Effort,
): Promise<Row> => {
  const drawn = drawInputs(workload);
  const want = referenceOf(reference, drawn);
  const entered = new Map<ColumnName, Entered>();
  for (const name of columns) entered.set(name, await enter(name, workload, drawn, want, around));
  const runs = new Map<Timed, Run>(ceilingRuns(ceilings, workload));
  for (const [name, { contestant }] of entered) if (contestant !== undefined) runs.set(name, contestant.run);
  const timings = await timeInTurn(runs, effort);
  for (const { contestant } of entered.values()) contestant?.dispose?.();
  const cells = [...entered].map(([name, { cell }]): [ColumnName, Cell] => {
    const timing = timings.get(name);
    return [name, timing === undefined ? cell : { ...cell, timing }];
  });
  return {
    name: workload.name,
    title: workload.title,
    note: workload.note,
    target: workload.target ?? {},
    bytes: bytesOf(workload),
    operations: workload.operations,
    ceilings: { copy: timings.get("copy"), add: timings.get("add"), operate: timings.get("operate") },
    cells: Object.fromEntries(cells),
  };
};

const FLAGS = {
  only: { type: "string", multiple: true, default: [] as string[] },
  columns: { type: "string" },
  quick: { type: "boolean", default: false },
  yardsticks: { type: "string", default: process.env["GRADSMITH_YARDSTICKS"] ?? "" },
  list: { type: "boolean", default: false },
  print: { type: "boolean", default: false },
} as const;

interface Asked {
  readonly only: readonly string[];
  readonly columns?: string;
  readonly quick: boolean;
  readonly yardsticks: string;
  readonly list: boolean;
  readonly print: boolean;
}

const columnsIn = (given: string | undefined): readonly ColumnName[] => {
  const asked = given?.split(",");
  const unknown = asked?.find((each) => COLUMN_NAMES.every((name) => name !== each));
  if (unknown !== undefined)
    throw new CommandError("GS0603", `there is no column ${unknown}`, `there is: ${COLUMN_NAMES.join(", ")}`);
  return COLUMN_NAMES.filter((name) => asked?.includes(name) ?? true);
};

const machine = (): string => {
  const all = cpus();
  return `${all.length} × ${all[0]?.model.trim() ?? "unknown"}, Node ${process.version} (V8 ${process.versions.v8})`;
};

const PEERS = ["@tensorflow/tfjs", "@jax-js/jax", "mathjs"];

const main = async (flags: Asked): Promise<number> => {
  const columns = columnsIn(flags.columns);
  const all = await loadWorkloads("");
  const references = await loadWorkloads("?reference");
  const chosen = [...all.values()].filter(
    ({ name }) => flags.only.length === 0 || flags.only.some((part) => name.includes(part)),
  );
  if (flags.list || chosen.length === 0) {
    out([...all.values()].map(({ name, title }) => `${name.padEnd(24)}${title}`).join("\n"));
    return chosen.length === 0 ? EXIT.errors : EXIT.ok;
  }
  installPeers();
  const around = await surroundings(flags.yardsticks === "" ? undefined : flags.yardsticks, err);
  const ceilings = await createCeilings();
  const before = loadavg()[0] ?? 0;
  const rows: Row[] = [];
  out(terminalRow(columns, undefined));
  for (const workload of chosen) {
    const reference = references.get(workload.name) ?? workload;
    const row = await measure(workload, reference, columns, ceilings, around, flags.quick ? QUICK : FULL);
    rows.push(row);
    out(terminalRow(columns, row));
  }
  const report: Report = {
    machine: machine(),
    processors: cpus().length,
    load: [before, loadavg()[0] ?? 0],
    peers: PEERS.filter((name) => existsSync(join(BENCH, "node_modules", name))).map(
      (name) => `${name} ${versionOf(name)}`,
    ),
    columns,
    rows,
  };
  if (flags.print || flags.only.length > 0) return EXIT.ok;
  writeFileSync(join(BENCH, "results.json"), `${JSON.stringify(report, undefined, 1)}\n`);
  writeFileSync(join(BENCH, "results.md"), markdown(report));
  writeFileSync(join(BENCH, "results.svg"), plot(report));
  err("written: bench/results.md, bench/results.svg, bench/results.json");
  return EXIT.ok;
};

await runMain({
  name: "bench",
  args: "[flags]",
  about: `Measure every workload (the exports of the files in bench/workloads/) beside other libraries and plain loops.
Without --only or --print, bench/results.* are written anew`,
  flags: FLAGS,
  explained: [
    "--only NAME         only workloads whose name has this in it; may be given several times",
    `--columns A,B       only these columns (${COLUMN_NAMES.join(", ")})`,
    "--quick             fewer rounds",
    "--yardsticks DIR    a folder of hand-written kernels to measure beside (or GRADSMITH_YARDSTICKS)",
    "--list              the workloads, and nothing else",
    "--print             the table only: bench/results.* stay as they are",
  ],
  files: "none",
  main,
});
