// Parallel coordinates: a line per combination through an axis per stage and metric. Dragging along an axis
// chooses a range; a click on it ends that.
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Combination } from '../api/types.ts';
import type { Ranges } from '../base/url.ts';
import { palette } from '../graph/colours.ts';
import { currentTheme } from '../parts/frame.tsx';
import { directionWord, heightOf, shown, valueAt, valueOn, type Axis } from './model.ts';

const TOP = 46;
const BOTTOM = 22;
const HEIGHT = 330;
const SIDE = 92;
const AXIS_ROOM = 128;
const ROOM = HEIGHT - TOP - BOTTOM;

const LINES_AT_ONCE = 5;
/** More lines than this are hairlines, which are drawn ten times as fast. */
const FINE_ABOVE = 300;

const shorten = (text: string, most: number): string => (text.length <= most ? text : `${text.slice(0, most - 1)}…`);

function ticksOf(axis: Axis): { y: number; text: string; full: string }[] {
  if (axis.categories) {
    const step = Math.ceil(axis.categories.length / 14);
    return axis.categories.flatMap((name, index) =>
      index % step === 0 ? [{ y: heightOf(axis, index), text: shorten(name, 15), full: name }] : [],
    );
  }
  return [0, 0.25, 0.5, 0.75, 1].map((y) => ({ y, text: shown(valueAt(axis, y), axis.info), full: '' }));
}

interface Props {
  axes: readonly Axis[];
  rows: readonly Combination[];
  isIn: (row: Combination) => boolean;
  baseline: string | null;
  picked: string;
  ranges: Ranges;
  onRange: (key: string, range: readonly [number, number] | null) => void;
}

export function Parallel({ axes, rows, isIn, baseline, picked, ranges, onRange }: Props): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(900);
  const [drag, setDrag] = useState<{ key: string; from: number; to: number } | null>(null);
  const colours = useMemo(palette, [currentTheme.value]);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setWidth(entry.contentRect.width);
    });
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  const wide = Math.max(width, axes.length * AXIS_ROOM);
  const x = (index: number): number => SIDE + (axes.length < 2 ? 0 : (index * (wide - 2 * SIDE)) / (axes.length - 1));
  const y = (height: number): number => TOP + (1 - height) * ROOM;

  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context) return;
    const ratio = devicePixelRatio || 1;
    element.width = Math.round(wide * ratio);
    element.height = Math.round(HEIGHT * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, wide, HEIGHT);
    const trace = (row: Combination): void => {
      let down = false;
      axes.forEach((axis, index) => {
        const value = valueOn(axis, row);
        if (value === null) {
          down = false;
          return;
        }
        if (down) context.lineTo(x(index), y(heightOf(axis, value)));
        else context.moveTo(x(index), y(heightOf(axis, value)));
        down = true;
      });
    };
    const draw = (some: readonly Combination[], colour: string, alpha: number, line: number): void => {
      context.strokeStyle = colour;
      context.globalAlpha = alpha;
      context.lineWidth = line;
      // In pieces: one path of ten thousand lines that cross takes a minute to stroke.
      for (let at = 0; at < some.length; at += LINES_AT_ONCE) {
        context.beginPath();
        some.slice(at, at + LINES_AT_ONCE).forEach(trace);
        context.stroke();
      }
    };
    const inside = rows.filter(isIn);
    draw(
      rows.filter((row) => !isIn(row)),
      colours.soft,
      0.12,
      1,
    );
    draw(
      inside,
      colours.status.running,
      Math.max(0.05, Math.min(0.75, 60 / Math.max(1, inside.length))),
      inside.length > FINE_ABOVE ? 1 : 1.25,
    );
    draw(
      rows.filter((row) => row.workflow_id === baseline),
      colours.text,
      0.95,
      2.25,
    );
    draw(
      rows.filter((row) => row.workflow_id === picked),
      colours.status.failed,
      1,
      2.5,
    );
    context.globalAlpha = 1;
  }, [axes, rows, isIn, baseline, picked, wide, colours]);

  const at = (event: PointerEvent): number => {
    const top = box.current?.querySelector('svg')?.getBoundingClientRect().top ?? 0;
    return Math.min(1, Math.max(0, 1 - (event.clientY - top - TOP) / ROOM));
  };
  const finish = (axis: Axis): void => {
    if (!drag) return;
    setDrag(null);
    const [low, high] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
    if (high - low < 0.012) {
      onRange(axis.key, null);
      return;
    }
    const a = valueAt(axis, low);
    const b = valueAt(axis, high);
    onRange(axis.key, [Math.min(a, b), Math.max(a, b)]);
  };
  return (
    <div ref={box} class="parallel chart">
      <div class="parallel-scroll">
        <div class="parallel" style={{ width: `${wide}px`, height: `${HEIGHT}px` }}>
          <canvas ref={canvas} style={{ width: `${wide}px`, height: `${HEIGHT}px` }} data-axes={axes.length} />
          <svg width={wide} height={HEIGHT} role="group" aria-label="axes; drag along one to choose a range">
            {axes.map((axis, index) => {
              const range = ranges[axis.key];
              const span =
                drag?.key === axis.key
                  ? [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)]
                  : range
                    ? [heightOf(axis, range[0]), heightOf(axis, range[1])].sort((a, b) => a - b)
                    : null;
              const low = Math.max(-0.03, span?.[0] ?? 0);
              const high = Math.min(1.03, span?.[1] ?? 0);
              return (
                <g key={axis.key} transform={`translate(${x(index)} 0)`}>
                  <text class="axis-name" text-anchor="middle" y="16">
                    {shorten(axis.title, 19)}
                    <title>{axis.title}</title>
                  </text>
                  <text text-anchor="middle" y="31">
                    {axis.categories
                      ? ''
                      : axis.info.higher_is_better === false
                        ? 'lower is better, at the top'
                        : directionWord(axis.info)}
                  </text>
                  <line class="axis" y1={TOP} y2={HEIGHT - BOTTOM} />
                  {ticksOf(axis).map((tick) => (
                    <text
                      key={tick.y}
                      class="tick"
                      x={index === axes.length - 1 ? -6 : 6}
                      text-anchor={index === axes.length - 1 ? 'end' : 'start'}
                      y={y(tick.y) + 4}
                    >
                      {tick.text}
                      {tick.full ? <title>{tick.full}</title> : null}
                    </text>
                  ))}
                  {span ? (
                    <>
                      <rect class="brush" x="-9" width="18" y={y(high)} height={Math.max(2, (high - low) * ROOM)} />
                      <line class="brush-edge" x1="-9" x2="9" y1={y(high)} y2={y(high)} />
                      <line class="brush-edge" x1="-9" x2="9" y1={y(low)} y2={y(low)} />
                    </>
                  ) : null}
                  <rect
                    class="axis-hit"
                    data-axis={axis.key}
                    x="-22"
                    width="44"
                    y={TOP - 8}
                    height={ROOM + 16}
                    onPointerDown={(event) => {
                      event.currentTarget.setPointerCapture(event.pointerId);
                      const height = at(event);
                      setDrag({ key: axis.key, from: height, to: height });
                    }}
                    onPointerMove={(event) => {
                      if (drag?.key === axis.key) setDrag({ ...drag, to: at(event) });
                    }}
                    onPointerUp={() => finish(axis)}
                    onPointerCancel={() => setDrag(null)}
                  />
                </g>
              );
            })}
          </svg>
        </div>
      </div>
    </div>
  );
}
