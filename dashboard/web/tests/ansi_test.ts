import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogText } from '../src/base/ansi.ts';
import { random } from './samples.ts';

const read = (...parts: string[]): { text: string; style: string }[][] => {
  const log = new LogText();
  for (const part of parts) log.append(part);
  return log.lines;
};
const plain = (...parts: string[]): string[] =>
  read(...parts).map((line) => line.map((piece) => piece.text).join(''));

test('colours are classes and other sequences go', () => {
  assert.deepEqual(read('a\u001b[1;31mred\u001b[0m b'), [
    [
      { text: 'a', style: '' },
      { text: 'red', style: 'a-bold a-1' },
      { text: ' b', style: '' },
    ],
  ]);
  assert.deepEqual(plain('\u001b[2J\u001b]0;title\u0007x\u001b]8;;http://evil/\u001b\\link\u001b(B'), ['xlink']);
  assert.deepEqual(plain('\u001b[38;5;196mx\u001b[48;2;1;2;3my'), ['xy']);
});

test('a carriage return begins the line anew, at the end of a line it is nothing', () => {
  assert.deepEqual(plain('10 %\r50 %\r100 %\ndone\r\n'), ['100 %', 'done', '']);
  assert.deepEqual(plain('10 %', '\r', '50 %'), ['50 %']);
});

test('other control characters are made visible', () => {
  assert.deepEqual(plain('a\u0000b\u202ec\td'), ['a\ufffdb\ufffdc\td']);
});

test('where pieces are cut makes no difference', () => {
  const text = 'one\u001b[32mtwo\u001b[0m\nthree\u001b]0;t\u0007 four\rfive\u001b]8;;u\u001b\\\r\n\u001b[1mfive';
  const whole = JSON.stringify(plain(text));
  const next = random(5);
  for (let round = 0; round < 300; round += 1) {
    const cuts = [
      0,
      ...Array.from({ length: 3 }, () => Math.floor(next() * text.length)).sort((a, b) => a - b),
      text.length,
    ];
    const parts = cuts.slice(1).map((cut, index) => text.slice(cuts[index], cut));
    assert.equal(JSON.stringify(plain(...parts)), whole, JSON.stringify(parts));
  }
});

test('an escape that never ends does not hold the log up', () => {
  assert.equal(
    plain('\u001b[' + '1'.repeat(300), 'end\n')
      .join('|')
      .includes('nd'),
    true,
  );
});

test('a gap is a line of its own, and nothing of before goes on behind it', () => {
  const text = new LogText();
  text.append('whole\n\u001b[31mhalf a li\u001b[3');
  text.gap('9 B skipped');
  text.append('2mnew\n');
  const seen = text.lines.map((line) => line.map((piece) => `${piece.text}/${piece.style}`).join(' '));
  assert.deepEqual(seen, ['whole/', 'half a li/a-1', '9 B skipped/log-gap', '2mnew/', '']);
  text.gap('at once');
  text.gap('and again');
  assert.equal(text.lines.length, 7);
});
