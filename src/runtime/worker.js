/*
 * A thread of a pool. It gets the memory and modules by messages, and between them waits in the memory for jobs: whoever
 * waits there cannot receive, so the job `LISTEN` sends it back to its event loop.
 *
 * Plain JavaScript, as it is loaded by its address: `threads.ts` says what the messages are.
 */
const port = globalThis.process?.getBuiltinModule?.("node:worker_threads").parentPort;

/** By the order in which modules arrive, and that of their exports. */
const functions = [];

let setup;
let words;
let jobs = 0;

const takeJobs = () => {
  const { control, thread, threads, spins, layout, listen } = setup;
  const at = (offset) => (control + offset) / 4;
  for (;;) {
    // the next job often comes sooner than a thread would wake up
    for (let k = 0; k < spins && Atomics.load(words, at(layout.jobs)) === jobs; k++);
    Atomics.wait(words, at(layout.jobs), jobs);
    // while a thread is inside, the job stays as it is
    Atomics.add(words, at(layout.inside), 1);
    jobs = Atomics.load(words, at(layout.jobs));
    const job = Atomics.load(words, at(layout.open)) === 1 ? words[at(layout.job)] : undefined;
    if (job === listen) {
      Atomics.add(words, at(layout.listening), 1);
      Atomics.notify(words, at(layout.listening));
    } else if (job !== undefined) {
      const run = functions[job];
      const args = new Float64Array(setup.memory.buffer, control + layout.args, run.length - 4);
      run(thread, threads, control, spins, ...args);
    }
    Atomics.sub(words, at(layout.inside), 1);
    Atomics.notify(words, at(layout.inside));
    if (job === listen) return;
  }
};

const receive = (message) => {
  if (message.setup !== undefined) {
    setup = message.setup;
    words = new Int32Array(setup.memory.buffer, 0, (setup.control + setup.layout.bytes) / 4);
    jobs = words[(setup.control + setup.layout.jobs) / 4];
  } else {
    const { exports } = new WebAssembly.Instance(message.module, { env: { memory: setup.memory } });
    functions.push(...message.names.map((name) => exports[name]));
    (port ?? globalThis).postMessage("ready");
    takeJobs();
  }
};

if (port) port.on("message", receive);
else globalThis.onmessage = ({ data }) => receive(data);
