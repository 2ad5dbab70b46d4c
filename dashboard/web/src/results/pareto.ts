// Which points no other point beats in both measures at once.

export interface Point {
  x: number | null;
  y: number | null;
}

/**
 * Indices of the points that are not dominated, by ascending x. A point with a missing measure takes no
 * part; equal points are all kept. O(n log n).
 */
export function paretoFront(points: readonly Point[], xHigherIsBetter: boolean, yHigherIsBetter: boolean): number[] {
  const xs = (index: number): number => (xHigherIsBetter ? 1 : -1) * (points[index]!.x as number);
  const ys = (index: number): number => (yHigherIsBetter ? 1 : -1) * (points[index]!.y as number);
  const known = points
    .map((_, index) => index)
    .filter((index) => {
      const { x, y } = points[index]!;
      return x !== null && y !== null && Number.isFinite(x) && Number.isFinite(y);
    });
  known.sort((a, b) => xs(b) - xs(a) || ys(b) - ys(a) || a - b);
  const front: number[] = [];
  let best = -Infinity;
  let bestX = Infinity;
  for (const index of known) {
    if (ys(index) > best || (ys(index) === best && xs(index) === bestX)) {
      front.push(index);
      best = ys(index);
      bestX = xs(index);
    }
  }
  return front.sort((a, b) => points[a]!.x! - points[b]!.x! || a - b);
}
