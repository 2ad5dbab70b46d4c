import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layOut, type Edges, type Layout } from '../src/graph/layout.ts';
import { grid } from './samples.ts';

function crossings(layout: Layout, edges: Edges): number {
  let found = 0;
  for (let a = 0; a < edges.from.length; a += 1) {
    for (let b = a + 1; b < edges.from.length; b += 1) {
      if (layout.layer[edges.from[a]!] !== layout.layer[edges.from[b]!]) continue;
      if (layout.layer[edges.to[a]!] !== layout.layer[edges.to[b]!]) continue;
      const from = layout.y[edges.from[a]!]! - layout.y[edges.from[b]!]!;
      const to = layout.y[edges.to[a]!]! - layout.y[edges.to[b]!]!;
      if (from * to < 0) found += 1;
    }
  }
  return found;
}

function checkDistances(layout: Layout): void {
  for (let k = 0; k < layout.layers; k += 1) {
    for (let p = layout.start[k]! + 1; p < layout.start[k + 1]!; p += 1) {
      const gap = layout.y[layout.order[p]!]! - layout.y[layout.order[p - 1]!]!;
      assert.ok(gap > 0.99, `layer ${k}: nodes ${gap} apart`);
    }
  }
}

test('a tree has no crossings and a parent is amid its children', () => {
  const edges = { from: [0, 0, 1, 1, 2, 2], to: [1, 2, 3, 4, 5, 6] };
  const layout = layOut(7, edges);
  assert.equal(layout.layers, 3);
  assert.equal(crossings(layout, edges), 0);
  checkDistances(layout);
  assert.ok(Math.abs(layout.y[0]! - (layout.y[1]! + layout.y[2]!) / 2) < 1e-4);
});

test('a layer is the longest path, whatever the order of the edges', () => {
  const layout = layOut(4, { from: [2, 0, 1, 0], to: [3, 3, 2, 1] });
  assert.deepEqual([...layout.layer], [0, 1, 2, 3]);
});

test('two crossed chains are uncrossed', () => {
  const edges = { from: [0, 1, 2, 3], to: [3, 2, 4, 5] };
  assert.equal(crossings(layOut(6, edges), edges), 0);
});

test('an empty graph, single nodes, self loops and cycles do no harm', () => {
  assert.equal(layOut(0, { from: [], to: [] }).layers, 0);
  assert.equal(layOut(3, { from: [], to: [] }).layers, 1);
  assert.equal(layOut(1, { from: [0], to: [0] }).layers, 1);
  const cycle = layOut(4, { from: [0, 1, 2, 0], to: [1, 2, 1, 3] });
  checkDistances(cycle);
  assert.equal(cycle.order.length, 4);
});

test('equal graphs are laid out equally', () => {
  const sample = grid(2000);
  assert.deepEqual(layOut(sample.nodes, sample), layOut(sample.nodes, sample));
});

test('10,000 tasks with 20,000 edges are laid out within 300 ms', () => {
  const sample = grid(10_000, 20_000);
  assert.equal(sample.from.length, 20_000);
  layOut(sample.nodes, sample); // compiled once, as in a page that is open
  const times = [1, 2, 3, 4, 5]
    .map(() => {
      const began = performance.now();
      checkDistances(layOut(sample.nodes, sample));
      return performance.now() - began;
    })
    .sort((a, b) => a - b);
  console.log(`layout of 10,000 nodes: ${times[2]!.toFixed(1)} ms`);
  assert.ok(times[2]! <= 300, `${times[2]} ms`);
});
