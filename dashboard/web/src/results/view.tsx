// What came out so far, against the baseline. Filters, ranges and the selection are shared by table and charts.
import type { ComponentChildren, JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { useResource } from '../api/resource.ts';
import type { Combination, Results } from '../api/types.ts';
import { toCsv } from '../base/csv.ts';
import { count, duration, plural } from '../base/format.ts';
import { change, hrefOf, query } from '../base/router.ts';
import { saveAs } from '../base/save.ts';
import type { Status } from '../base/status.ts';
import { formatRanges, parseRanges, type Ranges } from '../base/url.ts';
import { Empty, Problem, Shape } from '../parts/basics.tsx';
import { Rows, type Column } from '../parts/rows.tsx';
import type { TabProps } from '../pages/pipeline.tsx';
import { Matrix } from './matrix.tsx';
import {
  axesOf,
  baselineOf,
  csvOf,
  directionSign,
  directionWord,
  infoOf,
  isInside,
  numberOf,
  numericMetrics,
  parseFilter,
  shown,
  shownDelta,
  sortRows,
  STAGE_KEYS,
  verdict,
} from './model.ts';
import { Parallel } from './parallel.tsx';
import { Scatter } from './scatter.tsx';

const CHARTS: readonly [string, string][] = [
  ['', 'parallel coordinates'],
  ['scatter', 'scatter'],
  ['matrix', 'interactions'],
  ['none', 'table only'],
];
const AXES_MAX = 9;
const STATES: Readonly<Record<string, Status>> = { success: 'completed', failure: 'failed', running: 'running' };
const SIGNS: Readonly<Record<string, string>> = { better: '▲', worse: '▼', plain: '', same: '' };

function MetricCell({
  row,
  name,
  results,
  baseline,
}: {
  row: Combination;
  name: string;
  results: Results;
  baseline: Combination | null;
}): JSX.Element {
  const info = infoOf(results, name);
  const raw = row.metrics[name];
  if (typeof raw !== 'number')
    return <span class="faint">{raw === null || raw === undefined ? '–' : String(raw)}</span>;
  const base = baseline ? numberOf(baseline, name) : null;
  if (base === null || row === baseline) return <>{shown(raw, info)}</>;
  const delta = raw - base;
  const word = verdict(delta, info);
  return (
    <>
      {shown(raw, info)}
      <span
        class={`delta ${word === 'same' ? 'plain' : word}`}
        title={`${word === 'plain' ? 'other' : word} than the baseline, which has ${shown(base, info)}`}
      >
        {SIGNS[word]}
        {shownDelta(delta, info)}
      </span>
    </>
  );
}

function columnsOf(results: Results, metrics: readonly string[]): Column[] {
  const stages = STAGE_KEYS.filter((key) => results.combinations.some((one) => one[key] !== ''));
  return [
    { key: 'combination', title: 'combination', width: '130px', sort: 'combination' },
    ...stages.map((key) => ({ key, title: key.replace('_', '-'), width: 'minmax(104px, 1fr)', sort: key })),
    ...metrics.map((name) => {
      const info = infoOf(results, name);
      return {
        key: name,
        title: `${directionSign(info)} ${name}`,
        width: 'minmax(136px, 1.4fr)',
        isNumber: true,
        sort: name,
        hint: `${name}: ${info.unit}, ${directionWord(info)}`,
      };
    }),
    { key: 'duration', title: 'time', width: '80px', isNumber: true, sort: 'duration', hint: 'of all its tasks' },
    { key: 'status', title: 'status', width: '96px', sort: 'status' },
  ];
}

function cellsOf(
  row: Combination,
  columns: readonly Column[],
  results: Results,
  baseline: Combination | null,
  pipeline: string,
): ComponentChildren[] {
  return columns.map(({ key }) => {
    if (key === 'combination') {
      return (
        <>
          <a
            data-row
            href={hrefOf({ page: 'pipeline', id: pipeline, tab: 'tasks' }, { workflow: row.workflow_id })}
            title={`the tasks of ${row.workflow_id}`}
          >
            {row.combination}
          </a>
          {row === baseline ? <b> base</b> : null}
        </>
      );
    }
    if (key === 'duration') return row.total_duration > 0 ? duration(row.total_duration) : '–';
    if (key === 'status')
      return (
        <span class={`status t-${STATES[row.combination_status]}`}>
          <Shape status={STATES[row.combination_status] ?? 'pending'} />
          {row.combination_status}
        </span>
      );
    const stage = STAGE_KEYS.find((one) => one === key);
    if (stage) return <span title={row[stage]}>{row[stage] || <span class="faint">none</span>}</span>;
    return <MetricCell row={row} name={key} results={results} baseline={baseline} />;
  });
}

function useFilter(results: Results): {
  isIn: (row: Combination) => boolean;
  problem: string | null;
  ranges: Ranges;
} {
  const text = query.value['q'] ?? '';
  const brush = query.value['brush'];
  return useMemo(() => {
    const ranges = parseRanges(brush);
    const filter = parseFilter(text, results.metrics);
    const inside = isInside(results, ranges);
    return { isIn: (row) => filter.ok(row) && inside(row), problem: filter.problem, ranges };
  }, [results, text, brush]);
}

function Shown({ results, pipeline }: { results: Results; pipeline: string }): JSX.Element {
  const q = query.value;
  const chart = CHARTS.some(([key]) => key === q['chart']) ? (q['chart'] ?? '') : '';
  const numeric = useMemo(() => numericMetrics(results), [results]);
  const chosen = (q['metrics'] ?? '').split(',').filter((name) => results.metrics.includes(name));
  const metrics = chosen.length > 0 ? chosen : results.metrics;
  const baseline = baselineOf(results);
  const { isIn, problem, ranges } = useFilter(results);
  const rows = useMemo(
    () => sortRows(results.combinations.filter(isIn), q['sort'] ?? ''),
    [results, isIn, q['sort']],
  );
  const axes = useMemo(() => axesOf(results, chosen, AXES_MAX), [results, q['metrics']]);
  const columns = useMemo(() => columnsOf(results, metrics), [results, q['metrics']]);
  const xMetric = numeric.find((name) => name === q['x']) ?? numeric[0];
  const yMetric = numeric.find((name) => name === q['y']) ?? numeric.find((name) => name !== xMetric) ?? xMetric;
  const picked = q['sel'] ?? '';
  const setRange = (key: string, range: readonly [number, number] | null): void => {
    const next: Record<string, readonly [number, number]> = { ...ranges };
    if (range) next[key] = range;
    else delete next[key];
    change({ brush: formatRanges(next) });
  };
  const save = (): void => {
    const table = csvOf(results, rows, metrics);
    saveAs(`${pipeline}-results.csv`, 'text/csv', toCsv(table.columns, table.rows));
  };
  const toggleMetric = (name: string): void => {
    const next = metrics.includes(name)
      ? metrics.filter((one) => one !== name)
      : results.metrics.filter((one) => one === name || metrics.includes(one));
    change({ metrics: next.length === results.metrics.length ? null : next.join(',') });
  };
  return (
    <>
      <div class="toolbar">
        <div class="choice" role="group" aria-label="chart">
          {CHARTS.map(([key, word]) => (
            <button
              key={key}
              type="button"
              class="button"
              aria-pressed={chart === key}
              onClick={() => change({ chart: key })}
            >
              {word}
            </button>
          ))}
        </div>
        <input
          type="search"
          placeholder="tool, -tool, accuracy>80%"
          aria-label="filter combinations"
          value={q['q'] ?? ''}
          onInput={(event) => change({ q: event.currentTarget.value })}
        />
        {Object.keys(ranges).length > 0 ? (
          <button type="button" class="button small" onClick={() => change({ brush: null })}>
            end {plural(Object.keys(ranges).length, 'range')}
          </button>
        ) : null}
        <span class="spring" />
        <span class="soft number" role="status">
          {count(rows.length)} of {plural(results.combinations.length, 'combination')}
        </span>
        <button type="button" class="button" onClick={save}>
          Save as CSV
        </button>
      </div>
      {problem ? <p class="notice">{problem}</p> : null}
      {numeric.length === 0 && chart !== 'none' ? (
        <section class="panel">
          <Empty title="No metric yet">
            <p>
              Charts appear when the first evaluation is done. Evaluators are named by{' '}
              <code>landseer submit FILE --evaluators FILE</code>.
            </p>
          </Empty>
        </section>
      ) : null}
      {numeric.length > 0 && chart === '' ? (
        <Parallel
          axes={axes}
          rows={results.combinations}
          isIn={isIn}
          baseline={results.baseline}
          picked={picked}
          ranges={ranges}
          onRange={setRange}
        />
      ) : null}
      {chart === 'scatter' && xMetric && yMetric ? (
        <Scatter
          results={results}
          rows={results.combinations}
          isIn={isIn}
          x={xMetric}
          y={yMetric}
          metrics={numeric}
          picked={picked}
        />
      ) : null}
      {chart === 'matrix' ? <Matrix pipeline={pipeline} metric={q['metric'] ?? ''} /> : null}
      {results.metrics.length > 1 ? (
        <details>
          <summary>
            Metrics shown: {metrics.length} of {results.metrics.length}
            {baseline
              ? `; compared with ${baseline.combination}, the baseline`
              : '; no combination consists of baselines only, so nothing is compared'}
          </summary>
          <div class="toolbar panel-body">
            {results.metrics.map((name) => (
              <label key={name}>
                <input type="checkbox" checked={metrics.includes(name)} onChange={() => toggleMetric(name)} />
                <span class="break">{name}</span>
              </label>
            ))}
          </div>
        </details>
      ) : null}
      {rows.length === 0 ? (
        <section class="panel">
          <Empty title="No combination fits the filter" />
        </section>
      ) : (
        <Rows
          columns={columns}
          count={rows.length}
          minWidth={306 + (columns.length - 3 - metrics.length) * 104 + metrics.length * 136}
          label="results"
          sort={q['sort'] ?? ''}
          onSort={(sort) => change({ sort })}
          keyOf={(index) => rows[index]!.workflow_id}
          pickedKey={picked}
          cells={(index) => cellsOf(rows[index]!, columns, results, baseline, pipeline)}
        />
      )}
    </>
  );
}

export function ResultsTab({ pipeline }: TabProps): JSX.Element {
  const { data, error } = useResource<Results>(`/pipelines/${pipeline.pipeline_id}/results`, ['tasks'], 3000);
  const results = data.value;
  return (
    <>
      <Problem error={error.value} />
      {!results && !error.value ? <p class="boot">Loading…</p> : null}
      {results && results.combinations.length === 0 ? (
        <section class="panel">
          <Empty title="This pipeline has no combinations" />
        </section>
      ) : null}
      {results && results.combinations.length > 0 ? (
        <Shown results={results} pipeline={pipeline.pipeline_id} />
      ) : null}
    </>
  );
}
