/**
 * Contractions whose factors are larger than a cache. In: the loops over rows and lanes, of known extents; out: chunks of both,
 * of which one factor stays in the second cache while the other streams through the first, both copied in order before.
 * Ends because statements are finite.
 */
import type { Buffer, Expr, Stmt } from "../loop/types.ts";
import { add, int, mul, sub, use } from "./build.ts";
import { jammedBody, type For } from "./jam.ts";
import {
  factorsOf, fill, fillRows, flatSum, nameOf, placeIn, placeOfRows, ROWS, sizeOf, steps, tripsOf, type Contraction, type Panel, type Shared,
} from "./panel.ts"; // prettier-ignore
import { newLocal, type Names } from "./scope.ts";
import { withoutUnused } from "./walks.ts";

/** Elements of a factor that fit into the caches along with all else: more are copied. */
const FACTOR = 1 << 14;

/** Elements of the chunks of the factor that stays, and of the one that streams. */
const ROW_CHUNK = 3 << 14;
const LANE_CHUNK = 1 << 18;

/** With fewer rows or lanes than this, copying costs more than it saves. */
const FEWEST = 64;

export const cached = (
  contraction: Contraction,
  rows: For,
  lanes: For,
  shared: readonly Shared[],
): readonly Stmt[] | undefined => {
  const { names, width, half, buffer, summed } = contraction;
  const [height, breadth, depth] = [tripsOf(rows) ?? 0, tripsOf(lanes) ?? 0, sizeOf(contraction)];
  const [column, ...others] = shared;
  if (depth.kind !== "const" || height < FEWEST || breadth < FEWEST || half !== undefined) return undefined;
  if (height * depth.value < FACTOR || column === undefined || others.length > 0) return undefined;
  const [rowCount, laneCount] = [
    chunkOf(height, ROW_CHUNK / depth.value, ROWS),
    chunkOf(breadth, LANE_CHUNK / depth.value, width),
  ];
  const wanted = factorsOf(contraction, rows, lanes, [{ ...column, buffer: NONE }]);
  if (wanted === undefined) return undefined;
  const columns: Panel = { ...column, buffer: buffer(nameOf(column.value), [int(laneCount), depth]) };
  const rowPanel = buffer(nameOf(wanted.rows.value), [int(rowCount), depth]);
  const flat = flatSum(contraction, { ...wanted, columns }, rows, rowPanel);
  return chunks(names, lanes, laneCount, (part) => [
    ...fillColumns(contraction, part, columns),
    ...chunks(names, rows, rowCount, (own) => [
      ...fillRows(contraction, own, lanes, { ...wanted.rows, buffer: rowPanel }, own.from),
      ...inSteps(contraction, part, (block, columnsAt) =>
        steps(names, own, rows.local, ROWS, (first) => {
          const at = newLocal(names, "int", `${rows.local.name}At`);
          const sum = withoutUnused(flat(block, use(at), columnsAt));
          const body = [...rows.body.slice(0, -1), { ...block, body: sum }];
          const start = placeOfRows(summed, sub(first, own.from), use(rows.local));
          return [
            { kind: "let", local: at, value: start },
            ...(jammedBody(names, rows.local, body, ROWS) ?? []),
          ];
        }),
      ),
    ]),
  ]);
};

/** Before there is a buffer. */
const NONE: Buffer = { name: "", role: "temp", type: "float", shape: [] };

/** As many whole blocks as there may be; fewer where that makes all chunks the same. */
const chunkOf = (count: number, most: number, block: number): number => {
  const largest = block * Math.floor(Math.max(FEWEST, most) / block);
  if (count <= largest) return block * Math.ceil(count / block);
  for (let each = largest; 2 * each >= largest; each -= block) if (count % each === 0) return each;
  return block * Math.ceil(count / Math.ceil(count / largest) / block);
};

/** So many iterations at a time. */
const chunks = (
  names: Names,
  loop: For,
  count: number,
  body: (chunk: For) => readonly Stmt[],
): readonly Stmt[] => {
  if ((tripsOf(loop) ?? 0) <= count) return body(loop);
  const from = newLocal(names, "int", `${loop.local.name}Chunk`);
  return steps(names, loop, from, count, () =>
    body({ ...loop, from: use(from), to: add(use(from), int(count)) }),
  );
};

/** Blocks of lanes, and where the panel of each begins among those of its chunk. */
const inSteps = (
  contraction: Contraction,
  lanes: For,
  body: (block: For, columnsAt: Expr) => readonly Stmt[],
): readonly Stmt[] => {
  const { names, width } = contraction;
  const start = newLocal(names, "int", `${lanes.local.name}Start`);
  return steps(names, lanes, start, width, (first) => {
    const at = newLocal(names, "int", `${lanes.local.name}At`);
    const block: For = { ...lanes, from: use(start), to: add(use(start), int(width)) };
    const place = mul(sub(first, lanes.from), sizeOf(contraction));
    return [{ kind: "let", local: at, value: place }, ...body(block, use(at))];
  });
};

const fillColumns = (contraction: Contraction, lanes: For, panel: Panel): readonly Stmt[] =>
  inSteps(contraction, lanes, (block, columnsAt) => {
    const place = add(columnsAt, placeIn(contraction.summed, block, contraction.width));
    return [{ ...block, body: fill(block.body, place, [panel]) }];
  });
