import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as format from '../src/base/format.ts';

test('durations have the two largest units', () => {
  assert.equal(format.duration(0.25), '250 ms');
  assert.equal(format.duration(9.99), '9.9 s');
  assert.equal(format.duration(9), '9 s');
  assert.equal(format.duration(59.9), '59 s');
  assert.equal(format.duration(200), '3 min 20 s');
  assert.equal(format.duration(7260), '2 h 1 min');
  assert.equal(format.duration(3 * 86400), '3 d 0 h');
  assert.equal(format.duration(-5), '0 ms');
  assert.equal(format.duration(null), '–');
  assert.equal(format.duration(NaN), '–');
});

test('a reason that quotes a log keeps its end', () => {
  const reason = `exit code 3; last lines of its log:\n${'epoch 1\n'.repeat(40)}KeyError: conv9`;
  assert.match(format.shortReason(reason, 80), /^exit code 3: ….{20,80}KeyError: conv9$/);
  assert.equal(format.shortReason('time limit', 80), 'time limit');
});

test('sizes, counts and shares', () => {
  assert.equal(format.bytes(1023), '1023 B');
  assert.equal(format.bytes(1536), '1.5 KiB');
  assert.equal(format.bytes(40 * 2 ** 30), '40.0 GiB');
  assert.equal(format.bytes(undefined), '–');
  assert.equal(format.count(1234567), '1\u202f234\u202f567');
  assert.equal(format.plural(1, 'task'), '1 task');
  assert.equal(format.plural(2, 'entry', 'entries'), '2 entries');
  assert.equal(format.percent(1, 1000), '<1 %');
  assert.equal(format.percent(999, 1000), '99 %');
  assert.equal(format.percent(1000, 1000), '100 %');
  assert.equal(format.percent(0, 0), '–');
});

test('metrics keep what matters and have a true minus', () => {
  assert.equal(format.metric(0.91234), '0.9123');
  assert.equal(format.metric(0.5), '0.5');
  assert.equal(format.metric(-12.5), '−12.5');
  assert.equal(format.metric(0.00001234), '1.23e−5');
  assert.equal(format.metric(0), '0');
  assert.equal(format.metric(null), '–');
  assert.equal(format.signed(0.02), '+0.02');
  assert.equal(format.signed(-0.02), '−0.02');
  assert.equal(format.signed(0), '±0');
});

test('times of another day have their date', () => {
  const noon = new Date(2026, 4, 3, 12, 0, 5).getTime();
  assert.equal(format.clock(noon, noon + 1000), '12:00:05');
  assert.equal(format.clock(noon, noon + 86400e3), '2026-05-03 12:00:05');
  assert.equal(format.ago(noon, noon + 500), 'just now');
  assert.equal(format.ago(noon, noon + 65000), '1 min 5 s ago');
  assert.equal(format.parseTime('2026-01-31T12:00:00.250Z'), Date.UTC(2026, 0, 31, 12, 0, 0, 250));
  assert.equal(format.parseTime('yesterday'), null);
  assert.equal(format.utc(Date.UTC(2026, 0, 31, 12, 0, 0)), '2026-01-31 12:00:00 UTC');
});

test('control and direction characters are made visible', () => {
  assert.equal(format.clean('a\u202eb\u0007c\u001bX'), 'a\ufffdb\ufffdc');
  assert.equal(format.clean('\u001b[31mred\u001b[0m \u001b]8;;http:x\u0007link'), 'red link');
  assert.equal(format.clean('tab\tand\nline stay'), 'tab\tand\nline stay');
  assert.equal(format.middle('abcdefghij', 7), 'abc…hij');
  assert.equal(format.middle('short', 7), 'short');
});
