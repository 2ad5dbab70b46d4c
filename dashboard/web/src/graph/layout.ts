// A layered layout for graphs whose edges mostly lead one layer on, as shared prefixes of workflows do.
// Longest path gives the layers, sweeps of barycentres the order, and pooling neighbours the positions
// (the best ones in least squares that keep the order). O(V log V + E), deterministic, no libraries:
// general ones need seconds for a tenth of the size.

export interface Edges {
  /** Edge i leads from node `from[i]` to node `to[i]`; self loops and what closes a cycle are ignored. */
  from: ArrayLike<number>;
  to: ArrayLike<number>;
}

export interface Layout {
  layers: number;
  /** Layer of each node, from 0. */
  layer: Int32Array;
  /** Position of each node in its layer; neighbours are at least 1 apart. */
  y: Float32Array;
  height: number;
  /** Nodes by layer and then y; layer k is order[start[k]] to order[start[k + 1] - 1]. */
  order: Int32Array;
  start: Int32Array;
  /** Neighbours in compressed rows: those of node i are at nextStart[i] to nextStart[i + 1] - 1. */
  next: Int32Array;
  nextStart: Int32Array;
  previous: Int32Array;
  previousStart: Int32Array;
}

const SWEEPS = 4;

/** Compressed rows of the edges, seen from `from`. */
function rows(nodes: number, from: ArrayLike<number>, to: ArrayLike<number>): [Int32Array, Int32Array] {
  const start = new Int32Array(nodes + 1);
  for (let i = 0; i < from.length; i += 1) if (from[i] !== to[i]) start[from[i]! + 1]! += 1;
  for (let i = 0; i < nodes; i += 1) start[i + 1]! += start[i]!;
  const fill = start.slice(0, nodes);
  const out = new Int32Array(start[nodes]!);
  for (let i = 0; i < from.length; i += 1) if (from[i] !== to[i]) out[fill[from[i]!]!++] = to[i]!;
  return [out, start];
}

/** Layer of each node by longest path. Nodes on a cycle are put behind what is known. */
function layersOf(nodes: number, next: Int32Array, nextStart: Int32Array, previousStart: Int32Array): Int32Array {
  const layer = new Int32Array(nodes);
  const waits = new Int32Array(nodes);
  const queue = new Int32Array(nodes);
  const done = new Uint8Array(nodes);
  let tail = 0;
  for (let i = 0; i < nodes; i += 1) {
    waits[i] = previousStart[i + 1]! - previousStart[i]!;
    if (waits[i] === 0) queue[tail++] = i;
  }
  let head = 0;
  let unseen = 0;
  for (;;) {
    while (head < tail) {
      const node = queue[head++]!;
      done[node] = 1;
      for (let e = nextStart[node]!; e < nextStart[node + 1]!; e += 1) {
        const other = next[e]!;
        if (done[other]) continue;
        layer[other] = Math.max(layer[other]!, layer[node]! + 1);
        waits[other]! -= 1;
        if (waits[other] === 0) queue[tail++] = other;
      }
    }
    if (tail === nodes) return layer;
    // A cycle, which the broker never sends: the first node on it goes ahead.
    while (unseen < nodes && (done[unseen] || waits[unseen] === 0)) unseen += 1;
    if (unseen === nodes) return layer;
    waits[unseen] = 0;
    queue[tail++] = unseen;
  }
}

/** First order: depth first from the roots, so that a tree has no crossing at all. */
function depthFirst(nodes: number, next: Int32Array, nextStart: Int32Array, previousStart: Int32Array): Int32Array {
  const rank = new Int32Array(nodes).fill(-1);
  const stack: number[] = [];
  let count = 0;
  const walk = (root: number): void => {
    stack.push(root);
    while (stack.length > 0) {
      const node = stack.pop()!;
      if (rank[node] !== -1) continue;
      rank[node] = count;
      count += 1;
      for (let e = nextStart[node + 1]! - 1; e >= nextStart[node]!; e -= 1) {
        if (rank[next[e]!] === -1) stack.push(next[e]!);
      }
    }
  };
  for (let i = 0; i < nodes; i += 1) if (previousStart[i] === previousStart[i + 1]) walk(i);
  for (let i = 0; i < nodes; i += 1) if (rank[i] === -1) walk(i);
  return rank;
}

export function layOut(nodes: number, edges: Edges): Layout {
  const [next, nextStart] = rows(nodes, edges.from, edges.to);
  const [previous, previousStart] = rows(nodes, edges.to, edges.from);
  const layer = layersOf(nodes, next, nextStart, previousStart);
  let layers = 0;
  for (let i = 0; i < nodes; i += 1) layers = Math.max(layers, layer[i]! + 1);

  // Counting sort by layer, in depth-first order.
  const rank = depthFirst(nodes, next, nextStart, previousStart);
  const byRank = new Int32Array(nodes);
  for (let i = 0; i < nodes; i += 1) byRank[rank[i]!] = i;
  const start = new Int32Array(layers + 1);
  for (let i = 0; i < nodes; i += 1) start[layer[i]! + 1]! += 1;
  for (let k = 0; k < layers; k += 1) start[k + 1]! += start[k]!;
  const order = new Int32Array(nodes);
  const fill = start.slice(0, layers);
  for (let r = 0; r < nodes; r += 1) order[fill[layer[byRank[r]!]!]!++] = byRank[r]!;

  const y = new Float32Array(nodes);
  const wish = new Float32Array(nodes);
  for (let k = 0; k < layers; k += 1) for (let p = start[k]!; p < start[k + 1]!; p += 1) y[order[p]!] = p - start[k]!;

  const mean = (node: number, list: Int32Array, first: Int32Array): number => {
    const low = first[node]!;
    const high = first[node + 1]!;
    if (low === high) return y[node]!;
    let sum = 0;
    for (let e = low; e < high; e += 1) sum += y[list[e]!]!;
    return sum / (high - low);
  };
  const arrange = (k: number, list: Int32Array, first: Int32Array, sorts: boolean): void => {
    const part = order.subarray(start[k]!, start[k + 1]!);
    for (const node of part) wish[node] = mean(node, list, first);
    if (sorts) part.sort((a, b) => wish[a]! - wish[b]! || y[a]! - y[b]! || a - b);
    spread(part, wish, y);
  };
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const sorts = sweep < SWEEPS - 2;
    if (sweep % 2 === 0) for (let k = layers - 2; k >= 0; k -= 1) arrange(k, next, nextStart, sorts);
    else for (let k = 1; k < layers; k += 1) arrange(k, previous, previousStart, sorts);
  }

  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < nodes; i += 1) {
    low = Math.min(low, y[i]!);
    high = Math.max(high, y[i]!);
  }
  for (let i = 0; i < nodes; i += 1) y[i]! -= low;
  return {
    layers,
    layer,
    y,
    height: nodes === 0 ? 0 : high - low + 1,
    order,
    start,
    next,
    nextStart,
    previous,
    previousStart,
  };
}

/**
 * Puts the nodes of one layer, in this order, as near to where they wish to be as a distance of 1 allows:
 * blocks that would overlap are pooled and moved to the mean of their wishes.
 */
function spread(part: Int32Array, wish: Float32Array, y: Float32Array): void {
  const size = part.length;
  const sums = new Float64Array(size);
  const counts = new Int32Array(size);
  let blocks = 0;
  for (let i = 0; i < size; i += 1) {
    // In coordinates less i, "at least 1 apart" is "not descending".
    sums[blocks] = wish[part[i]!]! - i;
    counts[blocks] = 1;
    blocks += 1;
    while (blocks > 1 && sums[blocks - 2]! * counts[blocks - 1]! > sums[blocks - 1]! * counts[blocks - 2]!) {
      sums[blocks - 2]! += sums[blocks - 1]!;
      counts[blocks - 2]! += counts[blocks - 1]!;
      blocks -= 1;
    }
  }
  let i = 0;
  for (let b = 0; b < blocks; b += 1) {
    const at = sums[b]! / counts[b]!;
    for (let c = 0; c < counts[b]!; c += 1, i += 1) y[part[i]!] = at + i;
  }
}
