#!/usr/bin/env node
import { TERMINAL } from "./output.ts";
import { run } from "./run.ts";

/** Whoever reads a pipe may have seen enough: `gradsmith derive … | head`. */
const ignoreClosedPipe = (error: NodeJS.ErrnoException): void => {
  if (error.code !== "EPIPE") throw error;
};

for (const stream of [process.stdout, process.stderr]) stream.on("error", ignoreClosedPipe);
process.exitCode = await run(process.argv.slice(2), TERMINAL);
