import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toCsv } from '../src/base/csv.ts';

test('cells with separators, quotes and line ends are quoted', () => {
  assert.equal(
    toCsv(
      ['a', 'b'],
      [
        ['x,y', 'say "no"'],
        ['two\nlines', 1.5],
      ],
    ),
    'a,b\r\n"x,y","say ""no"""\r\n"two\nlines",1.5\r\n',
  );
});

test('what a spreadsheet would run is text, numbers stay numbers', () => {
  assert.equal(
    toCsv(['v'], [['=1+1'], ['@SUM(A1)'], ['-cmd'], [-1], ['+x']]),
    "v\r\n'=1+1\r\n'@SUM(A1)\r\n'-cmd\r\n-1\r\n'+x\r\n",
  );
});

test('what is missing is empty', () => {
  assert.equal(toCsv(['a', 'b', 'c'], [[null, undefined, NaN]]), 'a,b,c\r\n,,\r\n');
});
