// Graphs of the shape that pipelines have: a product of options whose workflows share prefixes.

export interface Sample {
  nodes: number;
  from: number[];
  to: number[];
  layer: number[];
}

/** A generator of numbers in [0, 1) that a seed decides (mulberry32's construction). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A forest of prefixes, ten wide in each stage, of `nodes` tasks; more edges join neighbours until `edges`. */
export function grid(nodes: number, edges = 0): Sample {
  const sample: Sample = { nodes, from: [], to: [], layer: [] };
  let front: number[] = [];
  let made = 0;
  for (let depth = 0; made < nodes; depth += 1) {
    const layer: number[] = [];
    const parents = depth === 0 ? [-1] : front;
    for (const parent of parents) {
      for (let option = 0; option < 10 && made < nodes; option += 1) {
        if (parent >= 0) {
          sample.from.push(parent);
          sample.to.push(made);
        }
        sample.layer.push(depth);
        layer.push(made);
        made += 1;
      }
    }
    front = layer;
  }
  const next = random(7);
  while (sample.from.length < edges) {
    const to = Math.floor(next() * (nodes - 10)) + 10;
    const own = Math.floor(to / 10) - 1; // the parent, nearly
    const from = Math.min(to - 1, Math.max(0, own + Math.floor(next() * 21) - 10));
    if (sample.layer[from]! >= sample.layer[to]!) continue;
    sample.from.push(from);
    sample.to.push(to);
  }
  return sample;
}
