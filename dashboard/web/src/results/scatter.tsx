// Two metrics against each other, with the front of those that no other one beats in both.
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Combination, Results } from '../api/types.ts';
import { change } from '../base/router.ts';
import { directionWord, infoOf, metricAxis, numberOf, shown } from './model.ts';
import { paretoFront } from './pareto.ts';

const HEIGHT = 360;
const LEFT = 76;
const BOTTOM = 44;
const TOP = 16;
const RIGHT = 24;

/** Four to nine round numbers between two. */
export function ticks(low: number, high: number): number[] {
  const raw = (high - low) / 8;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= raw) ?? power * 10;
  const out: number[] = [];
  for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9; i += 1)
    out.push(Number((i * step).toPrecision(12)));
  return out;
}

interface Props {
  results: Results;
  rows: readonly Combination[];
  isIn: (row: Combination) => boolean;
  x: string;
  y: string;
  metrics: readonly string[];
  picked: string;
}

export function Scatter({ results, rows, isIn, x, y, metrics, picked }: Props): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(900);
  const [tip, setTip] = useState<{ row: Combination; x: number; y: number } | null>(null);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setWidth(Math.max(320, entry.contentRect.width));
    });
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  const [xInfo, yInfo] = [infoOf(results, x), infoOf(results, y)];
  const known = useMemo(
    () => rows.filter((row) => numberOf(row, x) !== null && numberOf(row, y) !== null),
    [rows, x, y],
  );
  const front = useMemo(() => {
    const shownRows = known.filter(isIn);
    const indexes = paretoFront(
      shownRows.map((row) => ({ x: numberOf(row, x), y: numberOf(row, y) })),
      xInfo.higher_is_better ?? true,
      yInfo.higher_is_better ?? true,
    );
    return indexes.map((index) => shownRows[index]!);
  }, [known, isIn, x, y]);
  const pad = (axis: { low: number; high: number }): [number, number] => [
    axis.low - (axis.high - axis.low) * 0.04,
    axis.high + (axis.high - axis.low) * 0.04,
  ];
  const [xLow, xHigh] = pad(metricAxis(results, x));
  const [yLow, yHigh] = pad(metricAxis(results, y));
  const px = (value: number): number => LEFT + ((value - xLow) / (xHigh - xLow)) * (width - LEFT - RIGHT);
  const py = (value: number): number => HEIGHT - BOTTOM - ((value - yLow) / (yHigh - yLow)) * (HEIGHT - TOP - BOTTOM);
  const onFront = new Set(front);
  const rank = (row: Combination): number =>
    row.workflow_id === picked ? 3 : row.is_baseline ? 2 : onFront.has(row) ? 1 : 0;
  const choose = (key: 'x' | 'y', value: string): JSX.Element => (
    <label>
      {key}
      <select value={value} onChange={(event) => change({ [key]: event.currentTarget.value })}>
        {metrics.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <>
      <div class="toolbar">
        {choose('x', x)}
        {choose('y', y)}
        <span class="soft">
          {front.length} on the front: no other shown one is better in both
          {xInfo.higher_is_better === null || yInfo.higher_is_better === null
            ? ', taking higher as better where nobody knows'
            : ''}
        </span>
      </div>
      <div ref={box} class="chart scatter">
        <svg width={width} height={HEIGHT} role="group" aria-label={`${y} against ${x}`}>
          {ticks(xLow, xHigh).map((value) => (
            <g key={value}>
              <line class="grid-line" x1={px(value)} x2={px(value)} y1={TOP} y2={HEIGHT - BOTTOM} />
              <text x={px(value)} y={HEIGHT - BOTTOM + 16} text-anchor="middle">
                {shown(value, xInfo)}
              </text>
            </g>
          ))}
          {ticks(yLow, yHigh).map((value) => (
            <g key={value}>
              <line class="grid-line" x1={LEFT} x2={width - RIGHT} y1={py(value)} y2={py(value)} />
              <text x={LEFT - 8} y={py(value) + 4} text-anchor="end">
                {shown(value, yInfo)}
              </text>
            </g>
          ))}
          <text x={(LEFT + width - RIGHT) / 2} y={HEIGHT - 8} text-anchor="middle">
            {x}, {directionWord(xInfo)}
          </text>
          <text transform={`translate(14 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)`} text-anchor="middle">
            {y}, {directionWord(yInfo)}
          </text>
          <path
            class="front-line"
            d={front
              .map((row, index) => `${index === 0 ? 'M' : 'L'}${px(numberOf(row, x)!)} ${py(numberOf(row, y)!)}`)
              .join('')}
          />
          {[...known]
            .sort((a, b) => rank(a) - rank(b))
            .map((row) => {
              const [cx, cy] = [px(numberOf(row, x)!), py(numberOf(row, y)!)];
              const kind = ['', 'front', 'baseline', 'picked'][rank(row)]!;
              const same = {
                class: `dot ${kind} ${isIn(row) ? '' : 'out'}`,
                'data-row-id': row.workflow_id,
                onClick: () => change({ sel: row.workflow_id === picked ? null : row.workflow_id }),
                onMouseEnter: () => setTip({ row, x: cx, y: cy }),
                onMouseLeave: () => setTip(null),
              };
              return row.is_baseline ? (
                <rect key={row.workflow_id} {...same} x={cx - 5} y={cy - 5} width="10" height="10" />
              ) : (
                <circle key={row.workflow_id} {...same} cx={cx} cy={cy} r={onFront.has(row) ? 5.5 : 4} />
              );
            })}
        </svg>
        {tip ? (
          <div class="tip" style={{ left: `${Math.min(width - 240, tip.x + 12)}px`, top: `${tip.y + 12}px` }}>
            <b>{tip.row.combination}</b>
            {tip.row.is_baseline ? ' (baseline)' : ''}
            <div class="soft">
              {[tip.row.pre_training, tip.row.in_training, tip.row.post_training, tip.row.deployment]
                .filter(Boolean)
                .join(' | ')}
            </div>
            <div class="number">
              {x} {shown(numberOf(tip.row, x), xInfo)}, {y} {shown(numberOf(tip.row, y), yInfo)}
            </div>
          </div>
        ) : null}
        <span class="chart-note">square: baseline, ringed: on the front</span>
      </div>
    </>
  );
}
