// Where the peers are not installed they have no types; `npm run types --prefix bench` checks against theirs.
declare module "@jax-js/jax";
declare module "@tensorflow/tfjs";
declare module "@tensorflow/tfjs-backend-wasm";
declare module "mathjs";
