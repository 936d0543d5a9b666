/** `npm run generate`: rebuilds `generated/`. */
import { build } from "./build.ts";
import { generation } from "./generation.ts";
import { TERMINAL } from "./output.ts";

await build(generation("generated"), TERMINAL);
