// What part of a large drawing is seen: scale and shift of each axis. Pure; panzoom.ts ties it to a canvas.

export interface View {
  /** Screen = world * k + t. */
  kx: number;
  ky: number;
  tx: number;
  ty: number;
}

export interface Bounds {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export interface Limits {
  kx: readonly [number, number];
  ky: readonly [number, number];
}

/** All of `bounds` inside a screen of this size, with a margin; the axes are scaled apart. */
export function fit(bounds: Bounds, width: number, height: number, margin: number, limits: Limits): View {
  const scale = (length: number, room: number, [low, high]: readonly [number, number]): number =>
    Math.min(high, Math.max(low, Math.max(1, room - 2 * margin) / Math.max(length, 1e-9)));
  const kx = scale(bounds.right - bounds.left, width, limits.kx);
  const ky = scale(bounds.bottom - bounds.top, height, limits.ky);
  return {
    kx,
    ky,
    tx: width / 2 - (kx * (bounds.left + bounds.right)) / 2,
    ty: height / 2 - (ky * (bounds.top + bounds.bottom)) / 2,
  };
}

const within = (value: number, [low, high]: readonly [number, number]): number =>
  Math.min(high, Math.max(low, value));

/** Closer or farther by factors, with the point (x, y) of the screen staying where it is. */
export function zoomAt(view: View, x: number, y: number, factorX: number, factorY: number, limits: Limits): View {
  const kx = within(view.kx * factorX, limits.kx);
  const ky = within(view.ky * factorY, limits.ky);
  return { kx, ky, tx: x - ((x - view.tx) / view.kx) * kx, ty: y - ((y - view.ty) / view.ky) * ky };
}

export const panBy = (view: View, dx: number, dy: number): View => ({ ...view, tx: view.tx + dx, ty: view.ty + dy });

/** Keeps at least a corner of the drawing on the screen. */
export function hold(view: View, bounds: Bounds, width: number, height: number): View {
  const keep = 60;
  const clamp = (t: number, k: number, low: number, high: number, room: number): number =>
    Math.min(room - keep - k * low, Math.max(keep - k * high, t));
  return {
    ...view,
    tx: clamp(view.tx, view.kx, bounds.left, bounds.right, width),
    ty: clamp(view.ty, view.ky, bounds.top, bounds.bottom, height),
  };
}

export function formatView(view: View): string {
  return [view.kx, view.ky, view.tx, view.ty].map((value) => Number(value.toPrecision(6))).join(',');
}

export function parseView(text: string | undefined): View | null {
  const numbers = (text ?? '').split(',').map(Number);
  if (numbers.length !== 4 || numbers.some((value) => !Number.isFinite(value))) return null;
  const [kx, ky, tx, ty] = numbers as [number, number, number, number];
  return kx > 0 && ky > 0 ? { kx, ky, tx, ty } : null;
}
