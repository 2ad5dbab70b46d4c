// Pointer, wheel, touch and keys move the view of a canvas; the state of the view is in the URL.
import { useEffect, useRef } from 'preact/hooks';
import { change, query } from '../base/router.ts';
import { fit, formatView, hold, panBy, parseView, zoomAt, type Bounds, type Limits, type View } from './viewport.ts';

export interface Scene {
  bounds: Bounds;
  limits: Limits;
  margin: number;
  /** `moving` while the view changes: what is dear to draw may be left out. */
  draw: (context: CanvasRenderingContext2D, view: View, width: number, height: number, moving: boolean) => void;
  /** The point of the screen under a pointer at rest, or null when it leaves. */
  hover?: (view: View, x: number, y: number) => void;
  leave?: () => void;
  click?: (view: View, x: number, y: number) => void;
  /** Wheel alone zooms these axes; the other one with Shift. */
  axis: 'x' | 'y';
}

export interface Stage {
  canvas: { current: HTMLCanvasElement | null };
  redraw: () => void;
  reset: () => void;
  zoom: (factor: number) => void;
  view: () => View | null;
}

const REST_MS = 160;
const SAVE_MS = 350;

/** `key` is where the URL keeps the view. The scene may be another one at each call. */
export function useStage(scene: Scene, key: string): Stage {
  const canvas = useRef<HTMLCanvasElement>(null);
  const now = useRef(scene);
  now.current = scene;
  const inner = useRef<Stage | null>(null);

  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context) return undefined;
    let view = parseView(query.value[key]);
    let chosen = view !== null; // else the view goes on showing everything as it grows
    let width = 0;
    let height = 0;
    let frame = 0;
    let movedAt = -Infinity;
    let rest: ReturnType<typeof setTimeout> | undefined;
    let save: ReturnType<typeof setTimeout> | undefined;

    const whole = (): View => fit(now.current.bounds, width, height, now.current.margin, now.current.limits);
    const paint = (): void => {
      frame = 0;
      if (width === 0 || height === 0) return;
      if (!chosen || !view) view = whole();
      const ratio = devicePixelRatio || 1;
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      now.current.draw(context, view, width, height, performance.now() - movedAt < REST_MS);
    };
    const redraw = (): void => {
      if (frame === 0) frame = requestAnimationFrame(paint);
    };
    const set = (next: View): void => {
      view = hold(next, now.current.bounds, width, height);
      chosen = true;
      movedAt = performance.now();
      clearTimeout(rest);
      rest = setTimeout(redraw, REST_MS + 10);
      clearTimeout(save);
      save = setTimeout(() => {
        if (chosen && view) change({ [key]: formatView(view) });
      }, SAVE_MS);
      redraw();
    };
    const reset = (): void => {
      chosen = false;
      clearTimeout(save);
      change({ [key]: null });
      redraw();
    };
    const size = new ResizeObserver(() => {
      width = element.clientWidth;
      height = element.clientHeight;
      const ratio = devicePixelRatio || 1;
      element.width = Math.round(width * ratio);
      element.height = Math.round(height * ratio);
      if (frame !== 0) cancelAnimationFrame(frame);
      paint(); // at once: a resized canvas is blank
    });
    size.observe(element);

    const at = (event: MouseEvent): [number, number] => {
      const box = element.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    const zoom = (x: number, y: number, factor: number, other: boolean): void => {
      if (!view) return;
      const alongX = (now.current.axis === 'x') !== other;
      set(zoomAt(view, x, y, alongX ? factor : 1, alongX ? 1 : factor, now.current.limits));
    };
    const onWheel = (event: WheelEvent): void => {
      event.preventDefault();
      const delta = event.deltaY === 0 ? event.deltaX : event.deltaY; // Shift turns the wheel on some systems
      const lines = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 160 : 1;
      zoom(...at(event), Math.exp(-delta * lines * 0.0016), event.shiftKey);
    };
    const pointers = new Map<number, [number, number]>();
    let travelled = 0;
    const onDown = (event: PointerEvent): void => {
      if (event.button !== 0) return;
      element.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, at(event));
      travelled = pointers.size === 1 ? 0 : Infinity;
    };
    const onMove = (event: PointerEvent): void => {
      const before = pointers.get(event.pointerId);
      const [x, y] = at(event);
      if (!before || !view) {
        if (view) now.current.hover?.(view, x, y);
        return;
      }
      const [dx, dy] = [x - before[0], y - before[1]];
      travelled += Math.abs(dx) + Math.abs(dy);
      if (pointers.size === 1) {
        if (travelled > 3) set(panBy(view, dx, dy));
      } else {
        const other = [...pointers].find(([id]) => id !== event.pointerId)![1];
        const apart = (px: number, py: number): number => Math.max(10, Math.hypot(px - other[0], py - other[1]));
        const factor = apart(x, y) / apart(...before);
        set(panBy(zoomAt(view, other[0], other[1], factor, factor, now.current.limits), dx / 2, dy / 2));
      }
      pointers.set(event.pointerId, [x, y]);
    };
    const onUp = (event: PointerEvent): void => {
      const was = pointers.delete(event.pointerId);
      if (was && travelled <= 3 && view && event.type === 'pointerup') now.current.click?.(view, ...at(event));
    };
    const onLeave = (): void => now.current.leave?.();
    const onKey = (event: KeyboardEvent): void => {
      if (!view || event.ctrlKey || event.metaKey || event.altKey) return;
      const steps: Readonly<Record<string, [number, number]>> = {
        ArrowLeft: [80, 0],
        ArrowRight: [-80, 0],
        ArrowUp: [0, 80],
        ArrowDown: [0, -80],
      };
      const step = steps[event.key];
      if (step) set(panBy(view, ...step));
      else if (event.key === '+' || event.key === '=')
        zoom(width / 2, height / 2, 1.35, event.shiftKey && event.key !== '+');
      else if (event.key === '-' || event.key === '_') zoom(width / 2, height / 2, 1 / 1.35, event.shiftKey);
      else if (event.key === '0') reset();
      else return;
      event.preventDefault();
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    element.addEventListener('pointerdown', onDown);
    element.addEventListener('pointermove', onMove);
    element.addEventListener('pointerup', onUp);
    element.addEventListener('pointercancel', onUp);
    element.addEventListener('pointerleave', onLeave);
    element.addEventListener('keydown', onKey);
    inner.current = {
      canvas,
      redraw,
      reset,
      zoom: (factor) => zoom(width / 2, height / 2, factor, false),
      view: () => view,
    };
    return () => {
      size.disconnect();
      cancelAnimationFrame(frame);
      clearTimeout(rest);
      clearTimeout(save);
      element.removeEventListener('wheel', onWheel);
      element.removeEventListener('pointerdown', onDown);
      element.removeEventListener('pointermove', onMove);
      element.removeEventListener('pointerup', onUp);
      element.removeEventListener('pointercancel', onUp);
      element.removeEventListener('pointerleave', onLeave);
      element.removeEventListener('keydown', onKey);
      inner.current = null;
    };
  }, [key]);

  return {
    canvas,
    redraw: () => inner.current?.redraw(),
    reset: () => inner.current?.reset(),
    zoom: (factor) => inner.current?.zoom(factor),
    view: () => inner.current?.view() ?? null,
  };
}
