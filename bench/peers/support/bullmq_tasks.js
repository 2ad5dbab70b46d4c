// The worker and the client of BullMQ; the worker is a process of its own.
//   bullmq_tasks.js PORT worker CONCURRENCY
//   bullmq_tasks.js PORT many noop|true N RUNS CONCURRENCY   prints the seconds of each run
//   bullmq_tasks.js PORT one N RUNS                          prints a line of N latencies in ms for each run
//   bullmq_tasks.js PORT queue N                             N tasks that nobody takes
const {Queue, QueueEvents, Worker} = require("bullmq");
const {fork, spawn} = require("child_process");

const [port, what, ...rest] = process.argv.slice(2);
const connection = {host: "127.0.0.1", port: Number(port)};
const kBulk = 1000;

function runTrue() {
  return new Promise((good, bad) => {
    const child = spawn("/bin/true", [], {stdio: "ignore"});
    child.on("error", bad);
    child.on("exit", (code) => (code === 0 ? good() : bad(new Error(`exit code ${code}`))));
  });
}

const milliseconds = (begun) => Number(process.hrtime.bigint() - begun) / 1e6;

async function submit(queue, name, count) {
  for (let done = 0; done < count; done += kBulk) {
    const size = Math.min(kBulk, count - done);
    await queue.addBulk(Array.from({length: size}, () => ({name, data: {x: 1}, opts: {removeOnComplete: true}})));
  }
}

async function many(queue, events, name, count) {
  let left = count;
  const begun = process.hrtime.bigint();
  const ended = new Promise((resolve) => {
    events.on("completed", () => {
      if (--left === 0) resolve();
    });
  });
  await submit(queue, name, count);
  await ended;
  events.removeAllListeners("completed");
  return milliseconds(begun) / 1e3;
}

async function one(queue, events, count) {
  const taken = [];
  for (let i = 0; i < count; ++i) {
    const begun = process.hrtime.bigint();
    const job = await queue.add("noop", {}, {removeOnComplete: 1000});
    await job.waitUntilFinished(events);
    taken.push(milliseconds(begun));
  }
  return taken;
}

async function main() {
  if (what === "worker") {
    new Worker("bench", (job) => (job.name === "true" ? runTrue() : 0), {connection, concurrency: Number(rest[0])});
    return;
  }
  const queue = new Queue("bench", {connection});
  if (what === "queue") {
    await submit(queue, "noop", Number(rest[0]));
    process.exit(0);
  }
  const events = new QueueEvents("bench", {connection});
  await events.waitUntilReady();
  const worker = fork(__filename, [port, "worker", what === "many" ? rest[3] : "2"]);
  await many(queue, events, "noop", 100);
  const runs = Number(what === "many" ? rest[2] : rest[1]);
  for (let run = 0; run < runs; ++run) {
    if (what === "many") console.log(await many(queue, events, rest[0], Number(rest[1])));
    else console.log((await one(queue, events, Number(rest[0]))).join(" "));
  }
  worker.kill();
  process.exit(0);
}

main();
