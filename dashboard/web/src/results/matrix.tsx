// What adding one defence (column) does to what another one (row) achieves. The numbers are the broker's
// side's; nothing is computed here.
import type { JSX } from 'preact';
import { withParams } from '../api/client.ts';
import { useResource } from '../api/resource.ts';
import type { InteractionCell, Interactions } from '../api/types.ts';
import { percent, signed, stage } from '../base/format.ts';
import { change } from '../base/router.ts';
import { Empty, Problem } from '../parts/basics.tsx';

const WORDS: Readonly<Record<string, string>> = {
  positive: 'helps',
  negative: 'harms',
  mixed: 'mixed',
  none: 'same',
};

function MatrixCell({
  cell,
  row,
  column,
}: {
  cell: InteractionCell | undefined;
  row: string;
  column: string;
}): JSX.Element {
  if (!cell)
    return (
      <td title={`${row} with ${column}: no two combinations differ in only that`}>
        <span />
      </td>
    );
  const kind = cell.severity === 'none' ? 'm-none' : `m-${cell.sign}-${cell.severity}`;
  const word = cell.severity === 'none' ? 'same' : (WORDS[cell.sign] ?? cell.sign);
  return (
    <td
      title={
        `adding ${column} to ${row}: ${word}, ${cell.severity}; mean change ${signed(cell.change)}, ` +
        `${signed(cell.relative_change * 100)} % of the value without it, over ${cell.n} pairs`
      }
    >
      <span class={`${kind} ${cell.n < 2 ? 'n1' : ''}`}>
        {signed(Number((cell.relative_change * 100).toFixed(1)))} %
        <small>
          {word}, n {cell.n}
        </small>
      </span>
    </td>
  );
}

export function Matrix({ pipeline, metric }: { pipeline: string; metric: string }): JSX.Element {
  const { data, error } = useResource<Interactions>(
    withParams(`/pipelines/${pipeline}/interactions`, { metric }),
    ['tasks'],
    4000,
  );
  const answer = data.value;
  if (!answer)
    return (
      <>
        <Problem error={error.value} />
        {error.value ? null : <p class="boot">Loading…</p>}
      </>
    );
  if (answer.metric === null || answer.tools.length === 0) {
    return (
      <section class="panel">
        <Empty title="Nothing to compare yet">
          <p>It takes combinations that differ in one tool only, and a metric of each.</p>
        </Empty>
      </section>
    );
  }
  const cells = new Map(answer.cells.map((cell) => [`${cell.row} ${cell.column}`, cell]));
  const direction =
    answer.higher_is_better === null
      ? 'direction not known'
      : answer.higher_is_better
        ? 'higher is better'
        : 'lower is better';
  return (
    <>
      <div class="toolbar">
        <label>
          metric
          <select value={answer.metric} onChange={(event) => change({ metric: event.currentTarget.value })}>
            {answer.metrics.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
        <span class="soft">
          {direction}. How it changes for the row's defence when the column's is added; moderate from{' '}
          {percent(answer.moderate_above, 1)}, severe from {percent(answer.severe_above, 1)}, dashed: one pair only
        </span>
      </div>
      <Problem error={error.value} />
      <div class="panel table-wrap">
        <table class="matrix">
          <thead>
            <tr>
              <th>
                <span class="hidden">defence</span>
              </th>
              {answer.tools.map((tool, index) => (
                <th key={index} class="column" title={`${tool.tool}, ${stage(tool.type)}`}>
                  <span>{tool.tool}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {answer.tools.map((row, r) => (
              <tr key={r}>
                <th scope="row" title={`${row.tool}, ${stage(row.type)}`}>
                  {row.tool}
                </th>
                {answer.tools.map((column, c) =>
                  r === c ? (
                    <td key={c}>
                      <span class="faint">·</span>
                    </td>
                  ) : (
                    <MatrixCell key={c} cell={cells.get(`${r} ${c}`)} row={row.tool} column={column.tool} />
                  ),
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
