// Where the groups of stage and tool stand. In columns by stage, since permutations make the tools of one
// stage depend on each other in circles; by longest path where there is only one stage.
import type { GroupGraph } from '../api/types.ts';

export interface Spot {
  column: number;
  row: number;
}

export interface GroupLayout {
  spots: Spot[];
  columns: { title: string; size: number }[];
  rows: number;
}

export function layOutGroups(graph: GroupGraph): GroupLayout {
  const { nodes, edges } = graph;
  const types = [...new Set(nodes.map((node) => node.type))];
  const byStage = types.length > 1;
  const levels = [...new Set(nodes.map((node) => node.level))].sort((a, b) => a - b);
  const columnOf = nodes.map((node) => (byStage ? types.indexOf(node.type) : levels.indexOf(node.level)));
  const count = byStage ? types.length : levels.length;
  const members: number[][] = Array.from({ length: count }, () => []);
  nodes.forEach((_, index) => members[columnOf[index]!]!.push(index));

  const rank = new Array<number>(nodes.length).fill(0);
  const settle = (list: number[]): void =>
    list.forEach((node, row) => {
      rank[node] = row - (list.length - 1) / 2;
    });
  members.forEach(settle);
  const neighbours: number[][] = nodes.map(() => []);
  for (const { from, to } of edges) {
    if (columnOf[from] === columnOf[to]) continue;
    neighbours[from]!.push(to);
    neighbours[to]!.push(from);
  }
  const wish = (node: number, side: number): number => {
    const near = neighbours[node]!.filter((other) => Math.sign(columnOf[other]! - columnOf[node]!) === side);
    return near.length === 0 ? rank[node]! : near.reduce((sum, other) => sum + rank[other]!, 0) / near.length;
  };
  for (let sweep = 0; sweep < 4; sweep += 1) {
    const side = sweep % 2 === 0 ? -1 : 1;
    const order = side === -1 ? members : [...members].reverse();
    for (const list of order) {
      const wishes = new Map(list.map((node) => [node, wish(node, side)]));
      list.sort((a, b) => wishes.get(a)! - wishes.get(b)! || a - b);
      settle(list);
    }
  }
  const spots: Spot[] = new Array<Spot>(nodes.length);
  members.forEach((list, column) =>
    list.forEach((node, row) => {
      spots[node] = { column, row };
    }),
  );
  return {
    spots,
    columns: members.map((list, index) => ({ title: byStage ? types[index]! : '', size: list.length })),
    rows: Math.max(0, ...members.map((list) => list.length)),
  };
}
