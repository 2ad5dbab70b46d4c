// The graph of all tasks as it is kept: structure once, states as they change.
import type { TaskChange, TaskGraph } from '../api/types.ts';
import { STATUSES, type Status } from '../base/status.ts';
import { layOut, type Layout } from './layout.ts';

export interface Graph {
  tools: readonly string[];
  types: readonly string[];
  /** By index of the task. */
  number: ArrayLike<number>;
  tool: ArrayLike<number>;
  type: ArrayLike<number>;
  usage: ArrayLike<number>;
  from: ArrayLike<number>;
  to: ArrayLike<number>;
  /** Index into STATUSES. */
  state: Uint8Array;
  layout: Layout;
  /** Index of a task by its number. */
  at: Map<number, number>;
}

const CODE = Object.fromEntries(STATUSES.map((status, index) => [status, index])) as Record<Status, number>;

function codeOf(status: string, cached: boolean, ready: boolean): number {
  if (status === 'completed' && cached) return CODE.cached;
  if (status === 'pending' && ready) return CODE.ready;
  return CODE[status as Status] ?? CODE.pending;
}

export function toGraph(answer: TaskGraph): Graph {
  const { tasks, edges, state } = answer;
  const count = tasks.number.length;
  const codes = new Uint8Array(count);
  for (let i = 0; i < count; i += 1) {
    codes[i] = codeOf(answer.statuses[state.status[i]!] ?? 'pending', state.cached[i] === 1, state.ready[i] === 1);
  }
  return {
    tools: answer.tools,
    types: answer.types,
    number: tasks.number,
    tool: tasks.tool,
    type: tasks.type,
    usage: tasks.usage_counter,
    from: edges.from,
    to: edges.to,
    state: codes,
    layout: layOut(count, edges),
    at: new Map(tasks.number.map((number, index) => [number, index])),
  };
}

export const numberOf = (taskId: string): number => Number(taskId.replace(/^task_/, ''));

/** Takes over what an event says; whether anything on the screen changed. */
export function applyChanges(graph: Graph, changes: readonly TaskChange[]): boolean {
  let changed = false;
  for (const one of changes) {
    const index = graph.at.get(numberOf(one.task_id));
    if (index === undefined) continue;
    const code = codeOf(one.status, one.cached, one.ready);
    changed ||= graph.state[index] !== code;
    graph.state[index] = code;
  }
  return changed;
}

/** All that `index` depends on, and all that depends on it, itself included. O(what is found). */
export function family(graph: Graph, index: number): Set<number> {
  const { next, nextStart, previous, previousStart } = graph.layout;
  const found = new Set<number>([index]);
  const walk = (list: Int32Array, start: Int32Array): void => {
    const stack = [index];
    while (stack.length > 0) {
      const node = stack.pop()!;
      for (let e = start[node]!; e < start[node + 1]!; e += 1) {
        const other = list[e]!;
        if (!found.has(other)) {
          found.add(other);
          stack.push(other);
        }
      }
    }
  };
  walk(next, nextStart);
  const after = new Set(found);
  found.clear();
  found.add(index);
  walk(previous, previousStart);
  for (const node of after) found.add(node);
  return found;
}
