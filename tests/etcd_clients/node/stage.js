// What the programs begin with: where the nodes are, faults that the test makes for them, and how they tell what they do.
'use strict';

const readline = require('node:readline');

const PATIENCE_MS = 30_000;
const LOOK_INTERVAL_MS = 20;

const hosts = process.env.CONCLAVE_TEST_ENDPOINTS.split(',').map((address) => `http://${address}`);
const answers = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Has the test do something to the nodes; tells the address of the node that it concerned. */
async function fault(what) {
  console.log(`> ${what}`);
  return (await answers.next()).value;
}

/** Looks until `look` tells something that is true. */
async function until(what, look) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL_MS));
  }
}

/** The same, while calls may fail as nodes are away. */
function patiently(what, look) {
  let last;
  const attempt = () => Promise.resolve(look()).catch((error) => void (last = error));
  return until(what, attempt).catch((error) => {
    throw new Error(`${error.message}; the last failure: ${last}`);
  });
}

/** Runs the steps in order; the first that fails ends it all. */
async function run(steps) {
  for (const step of steps) {
    console.log(`${step.name} ...`);
    await step();
  }
  console.log('all is as it should be');
}

module.exports = {
  hosts,
  killTheLeader: () => fault('kill the leader'),
  startItAgain: () => fault('start it again'),
  until,
  patiently,
  run: (steps) =>
    run(steps).then(
      () => process.exit(0),
      (error) => {
        console.error(error);
        process.exit(1);
      },
    ),
};
