// The groups of stage and tool as boxes with bars, and how many dependencies lead from one to another.
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import type { GroupGraph, GroupNode } from '../api/types.ts';
import { count, plural, stage } from '../base/format.ts';
import { change } from '../base/router.ts';
import { STATUSES } from '../base/status.ts';
import { partsOf, wordsOf } from '../parts/basics.tsx';
import { DIAMOND } from '../parts/critical.tsx';
import { layOutGroups } from './groups.ts';

const BOX_WIDTH = 186;
const BOX_HEIGHT = 46;
const COLUMN = 268;
const ROW = 62;
const TOP = 34;

export const groupKey = (node: { type: string; tool: string }): string => `${node.type}/${node.tool}`;

function shorten(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

function GroupBox({
  node,
  x,
  y,
  picked,
  onPath,
  onHover,
}: {
  node: GroupNode;
  x: number;
  y: number;
  picked: boolean;
  onPath: boolean;
  onHover: (id: number | null) => void;
}): JSX.Element {
  const parts = partsOf(node);
  const key = groupKey(node);
  const shown = shorten(node.tool, node.is_baseline ? 16 : 22);
  const name = node.is_baseline ? `${shown} baseline` : shown;
  const more = node.failed > 0 ? `, ${node.failed} failed` : node.running > 0 ? `, ${node.running} running` : '';
  const progress = `${count(node.completed)} of ${plural(node.total, 'task')}${more}`;
  let at = 0;
  const toggle = (): void => change({ group: picked ? null : key }, true);
  return (
    <g
      class={`g-node ${picked ? 'picked' : ''} ${node.failed > 0 ? 'has-failed' : ''} ${onPath ? 'on-path' : ''}`}
      transform={`translate(${x} ${y})`}
      tabIndex={0}
      role="button"
      data-row
      aria-label={`${name} ${progress} (${stage(node.type)}: ${wordsOf(parts)})${onPath ? ', ends last' : ''}`}
      onClick={toggle}
      onKeyDown={(event) => {
        if (event.key === 'Enter' || event.key === ' ') {
          event.preventDefault();
          toggle();
        }
      }}
      onMouseEnter={() => onHover(node.id)}
      onMouseLeave={() => onHover(null)}
    >
      <title>{`${node.tool}\n${wordsOf(parts)}`}</title>
      <rect class="g-box" width={BOX_WIDTH} height={BOX_HEIGHT} rx="5" />
      <text x="10" y="18">
        {shown}
        {node.is_baseline ? <tspan class="g-count"> baseline</tspan> : null}
      </text>
      <text class="g-count" x="10" y="33">
        {progress}
      </text>
      {onPath ? (
        <text class="g-path" text-anchor="end" x={BOX_WIDTH - 8} y="33">
          {DIAMOND} ends last
        </text>
      ) : null}
      <g transform={`translate(10 ${BOX_HEIGHT - 8})`}>
        <rect class="bar-ground" width={BOX_WIDTH - 20} height="4" />
        {STATUSES.map((status) => {
          const width = ((parts[status] ?? 0) / Math.max(1, node.total)) * (BOX_WIDTH - 20);
          at += width;
          return width > 0 ? (
            <rect key={status} class={`f-${status}`} x={at - width} width={width} height="4" />
          ) : null;
        })}
      </g>
    </g>
  );
}

/** `path`: the groups that what ends last goes through, in its order; null: it is not shown. */
export function Groups({
  graph,
  picked,
  path,
}: {
  graph: GroupGraph;
  picked: string;
  path: readonly string[] | null;
}): JSX.Element {
  const [hovered, setHovered] = useState<number | null>(null);
  const layout = useMemo(() => layOutGroups(graph), [graph.nodes.length, graph.edges.length, graph]);
  const height = TOP + layout.rows * ROW + 10;
  const width = layout.columns.length * COLUMN - (COLUMN - BOX_WIDTH) + 4;
  const x = (id: number): number => layout.spots[id]!.column * COLUMN + 2;
  const y = (id: number): number => {
    const { column, row } = layout.spots[id]!;
    return TOP + (layout.rows - layout.columns[column]!.size) * (ROW / 2) + row * ROW;
  };
  const most = Math.max(1, ...graph.edges.map((edge) => edge.count));
  const onPath = new Set(path ?? []);
  const steps = new Set((path ?? []).slice(1).map((key, index) => `${path![index]} ${key}`));
  const isStep = (edge: { from: number; to: number }): boolean =>
    steps.has(`${groupKey(graph.nodes[edge.from]!)} ${groupKey(graph.nodes[edge.to]!)}`);
  const lit = hovered ?? graph.nodes.find((node) => groupKey(node) === picked)?.id ?? null;
  const edges = graph.edges
    .map((edge) => ({ ...edge, lit: lit !== null && (edge.from === lit || edge.to === lit) }))
    .sort((a, b) => Number(a.lit) - Number(b.lit));
  return (
    <div class="chart">
      <div class="groups-wrap">
        <svg
          class={`groups ${edges.length > 80 ? 'many' : ''}`}
          width={width}
          height={height}
          viewBox={`0 0 ${width} ${height}`}
          role="group"
          aria-label="groups of tasks by stage and tool"
        >
          {layout.columns.map((column, index) => (
            <text key={index} class="g-stage" x={index * COLUMN + 4} y="16">
              {column.title === '' ? '' : stage(column.title)}
            </text>
          ))}
          {edges.map((edge) => {
            const y1 = y(edge.from) + BOX_HEIGHT / 2;
            const y2 = y(edge.to) + BOX_HEIGHT / 2;
            const same = layout.spots[edge.from]!.column === layout.spots[edge.to]!.column;
            const x1 = x(edge.from) + BOX_WIDTH;
            const x2 = same ? x(edge.to) + BOX_WIDTH : x(edge.to);
            const bend = same ? 34 : (x2 - x1) / 2;
            return (
              <g key={`${edge.from} ${edge.to}`}>
                <path
                  class={`g-edge ${edge.lit ? 'lit' : ''} ${isStep(edge) ? 'on-path' : ''}`}
                  stroke-width={1 + 4 * Math.sqrt(edge.count / most)}
                  d={`M${x1} ${y1} C${x1 + bend} ${y1} ${same ? x2 + bend : x2 - bend} ${y2} ${x2} ${y2}`}
                />
                {edge.lit ? (
                  <text class="g-count" text-anchor="middle" x={same ? x1 + 28 : (x1 + x2) / 2} y={(y1 + y2) / 2 - 4}>
                    {count(edge.count)}
                  </text>
                ) : null}
              </g>
            );
          })}
          {graph.nodes.map((node) => (
            <GroupBox
              key={groupKey(node)}
              node={node}
              x={x(node.id)}
              y={y(node.id)}
              picked={groupKey(node) === picked}
              onPath={onPath.has(groupKey(node))}
              onHover={setHovered}
            />
          ))}
        </svg>
      </div>
    </div>
  );
}
