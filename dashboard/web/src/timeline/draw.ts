// Draws the timeline: lanes, bars, gaps, and the axis of time.
import type { Palette } from '../graph/colours.ts';
import type { Limits, View } from '../graph/viewport.ts';
import { duration } from '../base/format.ts';
import { outcomeKind } from '../base/outcome.ts';
import type { Bar, Chart, Span } from './model.ts';

export const LANE = 26;
/** Side of the frame that is a task from the cache. */
const HIT = 9;
export const AXIS = 26;
export const TITLES = 150;

export const TIME_LIMITS: Limits = { kx: [1e-7, 2], ky: [1, 1] };

/** Steps of an axis of time in seconds, as people count it. */
const STEPS = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200,
  10800, 21600, 43200, 86400, 172800, 604800,
];

export function stepFor(pixelsPerMs: number): number {
  const least = 90 / pixelsPerMs / 1000;
  return STEPS.find((step) => step >= least) ?? STEPS[STEPS.length - 1]!;
}

export interface Picture {
  chart: Chart;
  gaps: readonly { lane: number; from: number; to: number }[];
  ready: readonly Span[];
  toolIndex: (taskId: string) => number;
  toolName: (taskId: string) => string;
  picked: string;
  /** Whether a task is of what ends last; null: it is not shown. */
  path: ((taskId: string) => boolean) | null;
  hovered: Bar | null;
}

const laneTop = (view: View, lane: number): number => AXIS + lane * LANE + view.ty;

function hatch(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  width: number,
  height: number,
  colour: string,
): void {
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.beginPath();
  for (let at = x - height; at < x + width; at += 5) {
    context.moveTo(at, y + height);
    context.lineTo(at + height, y);
  }
  context.stroke();
  context.restore();
}

function drawBars(
  context: CanvasRenderingContext2D,
  { chart, toolIndex, toolName, picked, path, hovered }: Picture,
  view: View,
  width: number,
  height: number,
  colours: Palette,
): void {
  const x = (time: number): number => (time - chart.from) * view.kx + view.tx;
  context.font = `11px ${colours.sans}`;
  context.textBaseline = 'middle';
  let covered = -Infinity;
  let lane = -1;
  for (const bar of chart.bars) {
    const top = laneTop(view, bar.lane) + 4;
    if (top > height || top + LANE < AXIS) continue;
    const left = Math.max(TITLES - 2, x(bar.from));
    const right = Math.min(width + 2, x(bar.to));
    if (right < TITLES || left > width) continue;
    if (bar.lane !== lane) covered = -Infinity;
    lane = bar.lane;
    // Bars below a pixel that fall on a drawn one change nothing.
    if (right < covered + 0.6) continue;
    covered = right;
    const middle = Math.min(right, Math.max(left, x(bar.started)));
    const tall = LANE - 8;
    const failed = outcomeKind(bar.attempt.outcome) === 'bad';
    const colour = colours.tool[toolIndex(bar.attempt.task_id) % colours.tool.length]!;
    if (middle - left >= 1) {
      context.globalAlpha = 0.8;
      if (middle - left > 3) hatch(context, left, top, middle - left, tall, colour);
      else {
        context.fillStyle = colours.strong;
        context.fillRect(left, top, middle - left, tall);
      }
      context.globalAlpha = 1;
    }
    context.fillStyle = colour;
    const wide = Math.max(1, right - middle);
    context.globalAlpha = bar.live ? 0.72 : 1;
    if (bar.to > bar.started) context.fillRect(middle, top, wide, tall);
    context.globalAlpha = 1;
    if (bar.live && wide > 4) {
      // What still runs has an open end.
      context.strokeStyle = colours.panel;
      context.lineWidth = 2;
      context.beginPath();
      context.moveTo(right - 5, top + 3);
      context.lineTo(right - 1, top + tall / 2);
      context.lineTo(right - 5, top + tall - 3);
      context.stroke();
    }
    if (failed) {
      context.fillStyle = colours.status.failed;
      context.fillRect(middle, top + tall - 4, Math.max(2, right - middle), 4);
      if (wide > 12) {
        context.strokeStyle = colours.onFill;
        context.lineWidth = 2;
        context.beginPath();
        context.moveTo(right - 9, top + 3);
        context.lineTo(right - 3, top + 9);
        context.moveTo(right - 3, top + 3);
        context.lineTo(right - 9, top + 9);
        context.stroke();
      }
    }
    if (wide > 44) {
      const name = toolName(bar.attempt.task_id);
      const most = Math.floor((wide - (failed ? 18 : 8)) / 6);
      context.fillStyle = colours.onFill;
      context.fillText(
        name.length > most ? `${name.slice(0, Math.max(1, most - 1))}…` : name,
        middle + 4,
        top + tall / 2 - (failed ? 1 : 0),
      );
    }
    if (path?.(bar.attempt.task_id)) {
      // A frame, and a diamond on its left edge.
      context.strokeStyle = colours.text;
      context.lineWidth = 2;
      context.strokeRect(left, top, Math.max(2, right - left), tall);
      context.beginPath();
      context.moveTo(left, top - 4);
      context.lineTo(left + 6, top + 2);
      context.lineTo(left, top + 8);
      context.lineTo(left - 6, top + 2);
      context.closePath();
      context.fillStyle = colours.panel;
      context.fill();
      context.stroke();
      covered = -Infinity;
    }
    if (bar === hovered || bar.attempt.task_id === picked) {
      context.strokeStyle = colours.text;
      context.lineWidth = 2;
      context.strokeRect(left - 1, top - 1, Math.max(3, right - left) + 2, tall + 2);
      covered = -Infinity;
    }
  }
}

/** What came from the cache: frames without a filling, since nothing ran. Those of one pixel are one. */
function drawHits(
  context: CanvasRenderingContext2D,
  { chart, path }: Picture,
  view: View,
  width: number,
  height: number,
  colours: Palette,
): void {
  const top = laneTop(view, chart.lanes.length);
  if (top > height || top + LANE < AXIS) return;
  const middle = top + LANE / 2;
  context.lineWidth = 1.5;
  let before = -Infinity;
  for (const hit of chart.hits) {
    const x = Math.round((hit.at_ms - chart.from) * view.kx + view.tx);
    if (x === before || x < TITLES - HIT || x > width + HIT) continue;
    before = x;
    context.strokeStyle = path?.(hit.task_id) ? colours.text : colours.status.completed;
    context.strokeRect(x - HIT / 2, middle - HIT / 2, HIT, HIT);
  }
}

function drawAxis(
  context: CanvasRenderingContext2D,
  view: View,
  width: number,
  height: number,
  colours: Palette,
): void {
  context.fillStyle = colours.panel;
  context.fillRect(0, 0, width, AXIS);
  context.strokeStyle = colours.line;
  context.fillStyle = colours.soft;
  context.lineWidth = 1;
  context.font = `11px ${colours.sans}`;
  context.textBaseline = 'middle';
  const step = stepFor(view.kx) * 1000;
  const first = Math.max(0, Math.ceil((TITLES - view.tx) / view.kx / step));
  for (let i = first; ; i += 1) {
    const x = i * step * view.kx + view.tx;
    if (x > width) break;
    context.beginPath();
    context.moveTo(Math.round(x) + 0.5, AXIS - 5);
    context.lineTo(Math.round(x) + 0.5, height);
    context.globalAlpha = 0.6;
    context.stroke();
    context.globalAlpha = 1;
    context.fillText(i === 0 ? '0' : `+${duration((i * step) / 1000).replace(/ 0 (?:s|min|h)$/, '')}`, x + 4, AXIS / 2);
  }
  context.beginPath();
  context.moveTo(0, AXIS - 0.5);
  context.lineTo(width, AXIS - 0.5);
  context.stroke();
}

export function drawTimeline(
  context: CanvasRenderingContext2D,
  picture: Picture,
  view: View,
  width: number,
  height: number,
  colours: Palette,
): void {
  const { chart, gaps } = picture;
  context.fillStyle = colours.panel;
  context.fillRect(0, 0, width, height);
  drawAxis(context, view, width, height, colours);
  context.fillStyle = colours.gap;
  for (const gap of gaps) {
    const left = Math.max(TITLES, (gap.from - chart.from) * view.kx + view.tx);
    const right = Math.min(width, (gap.to - chart.from) * view.kx + view.tx);
    const top = laneTop(view, gap.lane);
    if (right > left && top < height && top + LANE > AXIS) context.fillRect(left, top + 1, right - left, LANE - 2);
  }
  drawBars(context, picture, view, width, height, colours);
  drawHits(context, picture, view, width, height, colours);
  // Names of lanes, over what was moved below them.
  context.fillStyle = colours.panel;
  context.fillRect(0, AXIS, TITLES, height);
  context.font = `12px ${colours.sans}`;
  context.textBaseline = 'middle';
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  const lanes = chart.hits.length > 0 ? [...chart.lanes, { title: 'from the cache' }] : chart.lanes;
  lanes.forEach((lane, index) => {
    const top = laneTop(view, index);
    if (top > height || top + LANE < AXIS) return;
    context.fillStyle = colours.text;
    const title = lane.title.length > 21 ? `${lane.title.slice(0, 9)}…${lane.title.slice(-11)}` : lane.title;
    context.fillText(title, 10, top + LANE / 2, TITLES - 16);
    context.beginPath();
    context.moveTo(0, Math.round(top + LANE) + 0.5);
    context.lineTo(width, Math.round(top + LANE) + 0.5);
    context.stroke();
  });
  context.fillStyle = colours.panel;
  context.fillRect(0, 0, TITLES, AXIS - 1);
  context.fillStyle = colours.soft;
  context.fillText('lane', 10, AXIS / 2);
  context.beginPath();
  context.moveTo(TITLES - 0.5, 0);
  context.lineTo(TITLES - 0.5, height);
  context.stroke();
}

/** The bar at a point of the screen. O(log bars + bars of one lane in view). */
export function barAt(chart: Chart, view: View, x: number, y: number): Bar | null {
  const lane = Math.floor((y - AXIS - view.ty) / LANE);
  if (x < TITLES || y < AXIS || lane < 0 || lane >= chart.lanes.length) return null;
  const time = (x - view.tx) / view.kx + chart.from;
  const reach = 3 / view.kx;
  let low = 0;
  let high = chart.bars.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const bar = chart.bars[middle]!;
    if (bar.lane < lane || (bar.lane === lane && bar.to < time - reach)) low = middle + 1;
    else high = middle;
  }
  const bar = chart.bars[low];
  return bar && bar.lane === lane && bar.from <= time + reach ? bar : null;
}
