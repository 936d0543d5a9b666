/** The libraries that are measured beside gradsmith. They are installed in this folder, and loaded when they are needed. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import type * as jaxjs from "@jax-js/jax";
import type * as tensorflow from "@tensorflow/tfjs";
import type * as tensorflowWasm from "@tensorflow/tfjs-backend-wasm";
import type * as mathjs from "mathjs";

export type TensorFlow = typeof tensorflow;
export type Tensor = ReturnType<TensorFlow["tensor"]>;
export type TensorFlowWasm = typeof tensorflowWasm;
export type Jax = typeof jaxjs;
export type JaxArray = ReturnType<Jax["numpy"]["array"]>;
export type MathJs = typeof mathjs;

export const BENCH = resolve("bench");

const require = createRequire(resolve(BENCH, "package.json"));

/** Once: afterwards they are there. Without them their columns stay empty. */
export const installPeers = (): void => {
  if (existsSync(resolve(BENCH, "node_modules"))) return;
  process.stderr.write("installing the peers: npm ci --prefix bench\n");
  const { status } = spawnSync("npm ci --prefix bench", { stdio: "inherit", shell: true });
  if (status !== 0) process.stderr.write("npm ci --prefix bench failed\n");
};

const load = (name: string): unknown => {
  try {
    return require(name);
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    throw new Error(`${name} cannot be loaded (${reason}): run npm ci --prefix bench`);
  }
};

export const versionOf = (name: string): string =>
  (require(resolve(BENCH, "node_modules", name, "package.json")) as { readonly version: string }).version;

/** On WebAssembly with SIMD, in one thread. */
export const loadTensorFlow = async (): Promise<TensorFlow> => {
  const tf = load("@tensorflow/tfjs") as TensorFlow;
  const wasm = load("@tensorflow/tfjs-backend-wasm") as TensorFlowWasm;
  wasm.setThreadsCount(1);
  await tf.setBackend("wasm");
  await tf.ready();
  const simd = await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT");
  if (tf.getBackend() !== "wasm" || simd !== true)
    throw new Error("TensorFlow.js does not run on WebAssembly with SIMD here");
  return tf;
};

/** On WebAssembly; without web workers, as in Node, it runs in one thread. */
export const loadJax = async (): Promise<Jax> => {
  const jax = load("@jax-js/jax") as Jax;
  const devices = await jax.init("wasm");
  if (!devices.includes("wasm")) throw new Error("jax-js does not run on WebAssembly here");
  jax.defaultDevice("wasm");
  return jax;
};

export const loadMathJs = (): MathJs => load("mathjs") as MathJs;
