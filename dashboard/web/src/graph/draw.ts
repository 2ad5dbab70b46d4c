// Draws the graph of all tasks. Colours are batched, what is outside the view is not looked at, and edges
// are drawn when they can be told apart or are asked for.
import { STATUSES } from '../base/status.ts';
import type { Palette } from './colours.ts';
import type { Graph } from './tasks.ts';
import type { Bounds, Limits, View } from './viewport.ts';

/** Width of a task in the distance between two layers, and the edges that are drawn at once. */
export const NODE_WIDTH = 0.62;
const NODE_HEIGHT = 0.76;
const EDGES_MOVING_MAX = 2500;
const EDGES_MAX = 12_000;
const LABEL_SCALE = 13;
const LABELS_MAX = 300;

export const GRAPH_LIMITS: Limits = { kx: [12, 460], ky: [0.02, 34] };

export function graphBounds(graph: Graph): Bounds {
  return {
    left: 0,
    top: -0.5,
    right: Math.max(1, graph.layout.layers - 1 + NODE_WIDTH),
    bottom: Math.max(0.5, graph.layout.height - 0.5),
  };
}

/** First position in a layer whose y is at least `y`. */
function search(graph: Graph, layer: number, y: number): number {
  const { order, start } = graph.layout;
  let low = start[layer]!;
  let high = start[layer + 1]!;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (graph.layout.y[order[middle]!]! < y) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The task at a point of the screen, or -1. Tiny ones are met from a few pixels away. */
export function taskAt(graph: Graph, view: View, x: number, y: number): number {
  const worldX = (x - view.tx) / view.kx;
  const layer = Math.floor(worldX);
  if (layer < 0 || layer >= graph.layout.layers || worldX - layer > NODE_WIDTH) return -1;
  const worldY = (y - view.ty) / view.ky;
  const reach = Math.max(0.5, 4 / view.ky);
  let best = -1;
  let distance = reach;
  for (let p = search(graph, layer, worldY - reach); p < graph.layout.start[layer + 1]!; p += 1) {
    const node = graph.layout.order[p]!;
    const off = Math.abs(graph.layout.y[node]! - worldY);
    if (graph.layout.y[node]! > worldY + reach) break;
    if (off <= distance) {
      best = node;
      distance = off;
    }
  }
  return best;
}

export interface Marks {
  hovered: number;
  picked: number;
  /** What is related to the one that is marked; null for all. */
  family: ReadonlySet<number> | null;
  /** Whether a task is in the group that is chosen. */
  chosen: ((index: number) => boolean) | null;
  /** What ends last, in its order; null: it is not shown. */
  path: readonly number[] | null;
}

function visible(graph: Graph, view: View, width: number, height: number): [number, number][] {
  const spans: [number, number][] = [];
  const top = -view.ty / view.ky - 1;
  const bottom = (height - view.ty) / view.ky + 1;
  for (let layer = 0; layer < graph.layout.layers; layer += 1) {
    const x = layer * view.kx + view.tx;
    const seen = x < width + view.kx && x > -2 * view.kx;
    spans.push(seen ? [search(graph, layer, top), search(graph, layer, bottom)] : [0, 0]);
  }
  return spans;
}

function drawEdges(
  context: CanvasRenderingContext2D,
  graph: Graph,
  view: View,
  spans: readonly [number, number][],
  colours: Palette,
  marks: Marks,
  most: number,
): boolean {
  const { layout } = graph;
  const x = (node: number): number => layout.layer[node]! * view.kx + view.tx;
  const y = (node: number): number => layout.y[node]! * view.ky + view.ty;
  const line = (a: number, b: number): void => {
    const x1 = x(a) + NODE_WIDTH * view.kx;
    const x2 = x(b);
    const middle = (x1 + x2) / 2;
    context.moveTo(x1, y(a));
    if (Math.abs(y(a) - y(b)) < 2) context.lineTo(x2, y(b));
    else context.bezierCurveTo(middle, y(a), middle, y(b), x2, y(b));
  };
  let count = 0;
  for (const [low, high] of spans) {
    for (let p = low; p < high; p += 1)
      count += layout.previousStart[layout.order[p]! + 1]! - layout.previousStart[layout.order[p]!]!;
  }
  const all = count <= most;
  if (all) {
    context.beginPath();
    for (const [low, high] of spans) {
      for (let p = low; p < high; p += 1) {
        const node = layout.order[p]!;
        for (let e = layout.previousStart[node]!; e < layout.previousStart[node + 1]!; e += 1)
          line(layout.previous[e]!, node);
      }
    }
    context.strokeStyle = colours.strong;
    context.globalAlpha = (marks.family ? 0.25 : 0.7) * (count > 3000 ? 0.35 : 1);
    context.lineWidth = 1;
    context.stroke();
  }
  if (marks.family) {
    context.beginPath();
    for (const node of marks.family) {
      for (let e = layout.previousStart[node]!; e < layout.previousStart[node + 1]!; e += 1) {
        if (marks.family.has(layout.previous[e]!)) line(layout.previous[e]!, node);
      }
    }
    context.strokeStyle = colours.link;
    context.globalAlpha = marks.family.size > 400 ? 0.35 : 0.9;
    context.lineWidth = marks.family.size > 400 ? 1 : 1.5;
    context.stroke();
  }
  context.globalAlpha = 1;
  return all;
}

function drawLabels(
  context: CanvasRenderingContext2D,
  graph: Graph,
  view: View,
  spans: readonly [number, number][],
  colours: Palette,
): void {
  const room = NODE_WIDTH * view.kx - 12;
  const most = Math.floor(room / 6.2);
  context.font = `11.5px ${colours.sans}`;
  context.textBaseline = 'middle';
  const dark = new Set(['completed', 'running', 'failed', 'skipped', 'cancelled']);
  for (const [low, high] of spans) {
    for (let p = low; p < high; p += 1) {
      const node = graph.layout.order[p]!;
      const name = graph.tools[graph.tool[node]!] ?? '';
      context.fillStyle = dark.has(STATUSES[graph.state[node]!]!) ? colours.onFill : colours.text;
      context.fillText(
        name.length > most ? `${name.slice(0, Math.max(1, most - 1))}…` : name,
        graph.layout.layer[node]! * view.kx + view.tx + 6,
        graph.layout.y[node]! * view.ky + view.ty,
        room + 6,
      );
    }
  }
}

/** Returns whether all edges in view are drawn. */
export function drawGraph(
  context: CanvasRenderingContext2D,
  graph: Graph,
  view: View,
  width: number,
  height: number,
  moving: boolean,
  colours: Palette,
  marks: Marks,
): boolean {
  context.fillStyle = colours.panel;
  context.fillRect(0, 0, width, height);
  const spans = visible(graph, view, width, height);
  const edges = drawEdges(context, graph, view, spans, colours, marks, moving ? EDGES_MOVING_MAX : EDGES_MAX);
  const { layout } = graph;
  const nodeWidth = NODE_WIDTH * view.kx;
  const nodeHeight = Math.max(0.75, NODE_HEIGHT * view.ky);
  let shown = 0;
  for (const [low, high] of spans) shown += high - low;
  // Few tasks in a layer need not be as thin as many.
  const talls = spans.map((_, layer) => {
    const [first, last] = [layout.start[layer]!, layout.start[layer + 1]! - 1];
    const apart =
      last > first
        ? ((layout.y[layout.order[last]!]! - layout.y[layout.order[first]!]!) / (last - first)) * view.ky
        : 4;
    return Math.max(nodeHeight, Math.min(3, apart * NODE_HEIGHT));
  });
  // Rare states last and never thinner than can be seen: one failure among ten thousand must not vanish.
  const passes = [7, 5, 4, 0, 1, 6, 2, 3];
  const byState: number[][] = STATUSES.map(() => []);
  for (const [low, high] of spans)
    for (let p = low; p < high; p += 1) byState[graph.state[layout.order[p]!]!]!.push(layout.order[p]!);
  const isDim = (node: number): boolean =>
    (marks.family !== null && !marks.family.has(node)) || (marks.chosen !== null && !marks.chosen(node));
  for (const code of passes) {
    const status = STATUSES[code]!;
    const rare = status === 'failed' || status === 'running' || status === 'ready';
    context.fillStyle = colours.status[status];
    for (const node of byState[code]!) {
      const tall = Math.max(rare ? 2.5 : 0, talls[layout.layer[node]!]!);
      context.globalAlpha = isDim(node) ? 0.22 : 1;
      context.fillRect(
        layout.layer[node]! * view.kx + view.tx,
        layout.y[node]! * view.ky + view.ty - tall / 2,
        nodeWidth,
        tall,
      );
    }
  }
  context.globalAlpha = 1;
  if (nodeHeight >= 5) drawShapes(context, byState, graph, view, nodeWidth, nodeHeight, colours, isDim);
  if (view.ky >= LABEL_SCALE && nodeWidth > 40 && shown <= LABELS_MAX * 4)
    drawLabels(context, graph, view, spans, colours);
  if (marks.path) drawPath(context, graph, view, nodeWidth, nodeHeight, colours, marks.path);
  for (const node of [marks.hovered, marks.picked]) {
    if (node < 0) continue;
    context.strokeStyle = colours.text;
    context.lineWidth = 2;
    const tall = Math.max(4, nodeHeight);
    context.strokeRect(
      layout.layer[node]! * view.kx + view.tx - 1,
      layout.y[node]! * view.ky + view.ty - tall / 2 - 1,
      nodeWidth + 2,
      tall + 2,
    );
  }
  return edges;
}

/** What ends last: a dashed line from task to task, each with a frame and, where there is room, a diamond. */
function drawPath(
  context: CanvasRenderingContext2D,
  graph: Graph,
  view: View,
  nodeWidth: number,
  nodeHeight: number,
  colours: Palette,
  path: readonly number[],
): void {
  const { layout } = graph;
  const x = (node: number): number => layout.layer[node]! * view.kx + view.tx;
  const y = (node: number): number => layout.y[node]! * view.ky + view.ty;
  const tall = Math.max(6, nodeHeight);
  context.strokeStyle = colours.text;
  context.lineWidth = 2;
  context.setLineDash([7, 4]);
  context.beginPath();
  path.forEach((node, index) => {
    if (index > 0) context.lineTo(x(node), y(node));
    context.moveTo(x(node) + nodeWidth, y(node));
  });
  context.stroke();
  context.setLineDash([]);
  context.lineWidth = 1.5;
  const size = 5;
  for (const node of path) {
    context.strokeRect(x(node), y(node) - tall / 2, nodeWidth, tall);
    context.beginPath();
    const top = y(node) - tall / 2;
    context.moveTo(x(node), top - size);
    context.lineTo(x(node) + size, top);
    context.lineTo(x(node), top + size);
    context.lineTo(x(node) - size, top);
    context.closePath();
    context.fillStyle = colours.panel;
    context.fill();
    context.stroke();
  }
}

/** A sign at the right edge beside the colour: a cross for failed, a wedge for running, a frame for cached. */
function drawShapes(
  context: CanvasRenderingContext2D,
  byState: readonly number[][],
  graph: Graph,
  view: View,
  nodeWidth: number,
  nodeHeight: number,
  colours: Palette,
  isDim: (node: number) => boolean,
): void {
  const { layout } = graph;
  const size = Math.min(4.5, nodeHeight * 0.3);
  const centre = (node: number): [number, number] => [
    layout.layer[node]! * view.kx + view.tx + nodeWidth - size * 2,
    layout.y[node]! * view.ky + view.ty,
  ];
  context.lineWidth = 1.6;
  context.strokeStyle = colours.onFill;
  context.fillStyle = colours.onFill;
  context.beginPath();
  for (const node of byState[3]!) {
    const [x, y] = centre(node);
    context.moveTo(x - size, y - size);
    context.lineTo(x + size, y + size);
    context.moveTo(x + size, y - size);
    context.lineTo(x - size, y + size);
  }
  context.stroke();
  context.beginPath();
  for (const node of byState[2]!) {
    const [x, y] = centre(node);
    context.moveTo(x - size * 0.7, y - size);
    context.lineTo(x + size, y);
    context.lineTo(x - size * 0.7, y + size);
  }
  context.fill();
  context.strokeStyle = colours.status.completed;
  context.lineWidth = 1;
  context.beginPath();
  for (const node of byState[1]!) {
    if (isDim(node)) continue;
    context.rect(
      layout.layer[node]! * view.kx + view.tx + 0.5,
      layout.y[node]! * view.ky + view.ty - nodeHeight / 2 + 0.5,
      nodeWidth - 1,
      nodeHeight - 1,
    );
  }
  context.stroke();
}
