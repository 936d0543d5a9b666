/** Who runs a workload: one row per column of the table. */
import { hasRelaxedSimd } from "../src/runtime/index.ts";
import { onFastWasm, onRelaxedWasm, onThreads, onTypeScript, onWasm } from "./gradsmith.ts";
import {
  loadJax,
  loadMathJs,
  loadTensorFlow,
  type Jax,
  type JaxArray,
  type MathJs,
  type Tensor,
  type TensorFlow,
} from "./peers.ts";
import { mapRecord, type Arrays, type Numbers, type Values } from "./values.ts";
import { sizeOf, type Workload } from "./workload.ts";
import { onYardstick } from "./yardsticks.ts";

export interface Contestant {
  /** Once through the workload; a promise where the library says only so that it has finished. */
  readonly run: () => Promise<unknown> | undefined;
  /** Runs it, and reads the outputs. */
  readonly results: () => Promise<Values>;
  readonly dispose?: () => void;
}

/** Absent where it cannot be loaded. */
type Maybe<T> = T | undefined;

export interface Surroundings {
  readonly tf: Maybe<TensorFlow>;
  readonly jax: Maybe<Jax>;
  readonly math: Maybe<MathJs>;
  /** The folder of the hand-written kernels. */
  readonly yardsticks: string | undefined;
}

/** Peers that cannot be loaded leave their column empty, and say why. */
export const surroundings = async (
  yardsticks: string | undefined,
  warn: (text: string) => void,
): Promise<Surroundings> => {
  const attempt = async <T>(load: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await load();
    } catch (error) {
      warn(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  };
  if (yardsticks === undefined)
    warn("no hand-written kernels: name their folder by --yardsticks or GRADSMITH_YARDSTICKS");
  return {
    tf: await attempt(loadTensorFlow),
    jax: await attempt(loadJax),
    math: await attempt(loadMathJs),
    yardsticks,
  };
};

const same = (tensors: Arrays<Tensor>): Arrays<Tensor> => tensors;

const onTensorFlow = async (
  tf: TensorFlow,
  program: NonNullable<Workload["tfjs"]>,
  { inputs }: Workload,
  drawn: Arrays<Float32Array>,
): Promise<Contestant> => {
  const tensors = mapRecord(drawn, (values, name) => {
    const { shape = [], type } = inputs[name] ?? {};
    const tensor: Tensor = tf.tensor(values, [...shape], type === "int" ? "int32" : "float32");
    return tensor;
  });
  const { run, read } = program(tf, tensors);
  const outputs = (): Record<string, Tensor> => ({ ...(read ?? same)(run()) });
  return Promise.resolve({
    run: () => {
      tf.tidy(() => void run());
      return undefined;
    },
    results: async () => {
      const tensors: Record<string, Tensor> = tf.tidy(outputs);
      const entries = Object.entries(tensors).map(
        async ([name, tensor]: [string, Tensor]): Promise<[string, Numbers]> => [name, await tensor.data()],
      );
      const values = Object.fromEntries(await Promise.all(entries));
      tf.dispose(tensors);
      return values;
    },
    dispose: () => {
      tf.disposeVariables();
      tf.dispose({ ...tensors });
    },
  });
};

const onJax = (
  jax: Jax,
  program: NonNullable<Workload["jax"]>,
  { inputs }: Workload,
  drawn: Arrays<Float32Array>,
): Contestant => {
  const { array, int32 } = jax.numpy;
  const arrays = mapRecord(drawn, (values, name): JaxArray => {
    const { shape = [], type } = inputs[name] ?? {};
    return type === "int"
      ? array(Int32Array.from(values), { shape: [...shape], dtype: int32 })
      : array(new Float32Array(values), { shape: [...shape] });
  });
  const compiled = jax.jit(program(jax));
  // A call consumes its arguments: each gets references of its own.
  const call = (): Record<string, JaxArray> => compiled({ ...mapRecord(arrays, (a) => a.ref) });
  return {
    run: async () => {
      const outputs = call();
      await jax.blockUntilReady(outputs);
      for (const each of Object.values(outputs)) each.dispose();
    },
    results: async () => {
      const entries = Object.entries(call()).map(async ([name, each]): Promise<[string, Numbers]> => [
        name,
        await each.data(),
      ]);
      return Object.fromEntries(await Promise.all(entries));
    },
    dispose: () => {
      compiled.dispose();
      for (const each of Object.values(arrays)) each.dispose();
    },
  };
};

const onLoops = ({ loops, outputs }: Workload, drawn: Arrays<Float32Array>): Contestant => {
  const into = mapRecord(outputs, (shape) => new Float32Array(sizeOf(shape)));
  const run = (): undefined => {
    loops(drawn, into);
    return undefined;
  };
  return {
    run,
    results: () => {
      run();
      return Promise.resolve(into);
    },
  };
};

type Maker = (
  workload: Workload,
  drawn: Arrays<Float32Array>,
  around: Surroundings,
) => Promise<Contestant> | undefined;

interface Column {
  readonly title: string;
  /** Not in the field, or not here. */
  readonly make: Maker;
}

export const COLUMNS = {
  wasm: { title: "gradsmith WASM", make: onWasm },
  fast: { title: "gradsmith WASM, fast", make: onFastWasm },
  threads: { title: "gradsmith WASM, 2 threads", make: onThreads },
  relaxed: {
    title: "gradsmith WASM, relaxed SIMD",
    make: (workload, drawn) => (hasRelaxedSimd() ? onRelaxedWasm(workload, drawn) : undefined),
  },
  ts: { title: "gradsmith TypeScript", make: onTypeScript },
  tfjs: {
    title: "TensorFlow.js",
    make: (workload, drawn, { tf }) =>
      tf && workload.tfjs && onTensorFlow(tf, workload.tfjs, workload, drawn),
  },
  jax: {
    title: "jax-js",
    make: (workload, drawn, { jax }) =>
      jax && workload.jax && Promise.resolve(onJax(jax, workload.jax, workload, drawn)),
  },
  mathjs: {
    title: "mathjs",
    make: ({ mathjs }, drawn, { math }) => {
      if (math === undefined || mathjs === undefined) return undefined;
      const run = mathjs(math, drawn);
      return Promise.resolve({
        run: () => {
          run();
          return undefined;
        },
        results: () => Promise.resolve(run()),
      });
    },
  },
  loops: { title: "plain JS", make: (workload, drawn) => Promise.resolve(onLoops(workload, drawn)) },
  vectorised: {
    title: "C, vectorised",
    make: (workload, drawn, { yardsticks }) => onYardstick(yardsticks, workload.vectorised, workload, drawn),
  },
  hand: {
    title: "C, hand SIMD",
    make: (workload, drawn, { yardsticks }) => onYardstick(yardsticks, workload.hand, workload, drawn),
  },
} as const satisfies Readonly<Record<string, Column>>;

export type ColumnName = keyof typeof COLUMNS;

export const COLUMN_NAMES = Object.keys(COLUMNS) as readonly ColumnName[];
