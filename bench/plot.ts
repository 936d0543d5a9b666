/** A bar chart as SVG: how many times as long as gradsmith's WebAssembly kernel each contestant takes, on a log scale. */
import { COLUMNS, type ColumnName } from "./contestants.ts";
import { ratioOf, type Report } from "./report.ts";

const COLOURS: { readonly [K in ColumnName]?: string } = {
  tfjs: "#e8710a",
  jax: "#1a73e8",
  mathjs: "#9334e6",
  loops: "#80868b",
  vectorised: "#34a853",
  hand: "#0d652d",
};

const [LEFT, WIDTH, RIGHT, TOP, BAR, GAP] = [330, 620, 60, 46, 9, 9];
const [LEAST, MOST] = [0.25, 1000];
const TICKS = [0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

const x = (ratio: number): number => {
  const inside = Math.min(MOST, Math.max(LEAST, ratio));
  return LEFT + (WIDTH * Math.log(inside / LEAST)) / Math.log(MOST / LEAST);
};

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

const label = (at: number, y: number, text: string, anchor: string): string =>
  `<text x="${at.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escape(text)}</text>`;

const bar = (ratio: number, y: number, colour: string): string => {
  const [from, to] = [Math.min(x(1), x(ratio)), Math.max(x(1), x(ratio))];
  const rectangle = `<rect x="${from.toFixed(1)}" y="${y}" width="${(to - from).toFixed(1)}" height="${BAR}" fill="${colour}"/>`;
  return rectangle + label(to + 4, y + BAR - 1, ratio.toPrecision(2).replace(/e\+?/, "e"), "start");
};

export const plot = ({ rows, columns }: Report): string => {
  const shown = columns.filter((column) => COLOURS[column] !== undefined);
  let y = TOP;
  const groups = rows.map((row) => {
    const bars = shown.flatMap((column) => {
      const ratio = ratioOf(row, column);
      if (ratio === undefined) return [];
      const text = bar(ratio, y, COLOURS[column] ?? "");
      y += BAR;
      return [text];
    });
    const middle = y - (BAR * bars.length) / 2 + 4;
    y += GAP;
    return [label(LEFT - 10, middle, row.title, "end"), ...bars].join("\n");
  });
  const grid = TICKS.map(
    (tick) =>
      `<line x1="${x(tick).toFixed(1)}" x2="${x(tick).toFixed(1)}" y1="${TOP - 6}" y2="${y}" stroke="${tick === 1 ? "#202124" : "#dadce0"}"/>${label(x(tick), TOP - 10, `${tick}×`, "middle")}`,
  );
  const legend = shown.map(
    (column, k) =>
      `<rect x="${LEFT + 110 * k}" y="8" width="${BAR}" height="${BAR}" fill="${COLOURS[column] ?? ""}"/>${label(LEFT + 110 * k + 14, 16, COLUMNS[column].title, "start")}`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${LEFT + WIDTH + RIGHT} ${y + GAP}" font-family="sans-serif" font-size="10">`,
    `<rect width="100%" height="100%" fill="white"/>`,
    ...grid,
    ...legend,
    ...groups,
    "</svg>",
    "",
  ].join("\n");
};
