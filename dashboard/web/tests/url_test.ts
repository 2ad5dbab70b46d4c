import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatRanges, formatRoute, parseRanges, parseRoute, TABS, withQuery, type Place } from '../src/base/url.ts';

const places: Place[] = [
  { page: 'overview' },
  { page: 'pipelines' },
  { page: 'workers' },
  { page: 'task', id: 'task_7' },
  { page: 'worker', id: 'worker_2' },
  ...TABS.map((tab): Place => ({ page: 'pipeline', id: 'pipeline_3', tab })),
];

test('every place and state comes back from its URL', () => {
  for (const place of places) {
    const route = { place, query: { filter: 'a b&c=d#e/ü%', sort: '-priority' } };
    const [path, search] = formatRoute(route).split('?');
    assert.deepEqual(parseRoute(path!, `?${search}`), route);
  }
});

test('one state has one URL', () => {
  const place: Place = { page: 'workers' };
  assert.equal(formatRoute({ place, query: { b: '2', a: '1', empty: '' } }), '/w?a=1&b=2');
  assert.deepEqual(withQuery({ a: '1', b: '2' }, { a: null, b: '3', c: '' }), { b: '3' });
});

test('what is no place is missing, whatever it is', () => {
  for (const path of [
    '/x',
    '/p/a b',
    '/p/1/nothing',
    '/t/',
    '/t/1/2',
    '/p/1/graph/more',
    '/w/..%2f',
    '/t/<b>',
    '/p/' + 'a'.repeat(200),
  ]) {
    assert.equal(parseRoute(path, '').place.page, 'missing', path);
  }
  assert.equal(parseRoute('/p/1/', '?x=%E0%A4%A').place.page, 'pipeline');
});

test('ranges of axes come back, open ends and odd names included', () => {
  const ranges = { accuracy: [0.8, Infinity], 'a:b~c..d': [-Infinity, -2], 'x=%': [1e-9, 1e9] } as const;
  assert.deepEqual(parseRanges(formatRanges(ranges)), ranges);
  assert.deepEqual(parseRanges('nonsense~a:2..1~b:x..y~%E0%A4%A:1..2~c:1..2'), { c: [1, 2] });
  assert.deepEqual(parseRanges(undefined), {});
});
