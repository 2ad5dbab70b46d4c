import assert from 'node:assert/strict';
import { test } from 'node:test';
import { paretoFront, type Point } from '../src/results/pareto.ts';
import { random } from './samples.ts';

function byDefinition(points: Point[], xUp: boolean, yUp: boolean): number[] {
  const better = (a: number, b: number, up: boolean): boolean => (up ? a > b : a < b);
  const known = points.map((_, i) => i).filter((i) => points[i]!.x !== null && points[i]!.y !== null);
  return known
    .filter(
      (i) =>
        !known.some((j) => {
          const [a, b] = [points[i]!, points[j]!];
          const notWorse = !better(a.x!, b.x!, xUp) && !better(a.y!, b.y!, yUp);
          return notWorse && (better(b.x!, a.x!, xUp) || better(b.y!, a.y!, yUp));
        }),
    )
    .sort((a, b) => points[a]!.x! - points[b]!.x! || a - b);
}

test('the front is what no point dominates, in all four directions', () => {
  const next = random(3);
  for (let round = 0; round < 200; round += 1) {
    const points = Array.from({ length: 1 + Math.floor(next() * 12) }, () => ({
      x: next() < 0.1 ? null : Math.floor(next() * 5),
      y: next() < 0.1 ? null : Math.floor(next() * 5),
    }));
    for (const xUp of [true, false]) {
      for (const yUp of [true, false]) {
        assert.deepEqual(
          paretoFront(points, xUp, yUp),
          byDefinition(points, xUp, yUp),
          JSON.stringify({ points, xUp, yUp }),
        );
      }
    }
  }
});

test('without points there is no front', () => {
  assert.deepEqual(paretoFront([], true, true), []);
  assert.deepEqual(
    paretoFront(
      [
        { x: null, y: 1 },
        { x: NaN, y: 1 },
      ],
      true,
      true,
    ),
    [],
  );
});
