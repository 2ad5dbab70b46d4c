import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Combination, MetricInfo, Results } from '../src/api/types.ts';
import { toCsv } from '../src/base/csv.ts';
import * as model from '../src/results/model.ts';

function combination(number: number, metrics: Combination['metrics'], more: Partial<Combination> = {}): Combination {
  return {
    workflow_id: `workflow_${number}`,
    combination: `comb_00${number}`,
    pre_training: '',
    in_training: 'plain',
    post_training: '',
    deployment: '',
    metrics,
    is_baseline: false,
    total_duration: number,
    combination_status: 'success',
    ...more,
  };
}

const results: Results = {
  pipeline_id: 'pipeline_1',
  name: 'p',
  dataset_name: 'd',
  dataset_type: 'clean',
  metrics: ['accuracy', 'asr', 'note'],
  metric_info: {
    accuracy: { higher_is_better: true, unit: 'fraction' },
    asr: { higher_is_better: false, unit: 'fraction' },
  },
  baseline: 'workflow_1',
  combinations: [
    combination(1, { accuracy: 0.9, asr: 0.5, note: 'text' }, { is_baseline: true }),
    combination(2, { accuracy: 0.8, asr: 0.1, note: null }, { in_training: 'trades' }),
    combination(3, { accuracy: null, asr: null }, { in_training: 'trades', combination_status: 'running' }),
  ],
};
const fraction: MetricInfo = { higher_is_better: true, unit: 'fraction' };

test('the direction of a metric decides what is better', () => {
  assert.equal(model.verdict(-0.1, model.infoOf(results, 'accuracy')), 'worse');
  assert.equal(model.verdict(-0.1, model.infoOf(results, 'asr')), 'better');
  assert.equal(model.verdict(-0.1, model.infoOf(results, 'unknown')), 'plain');
  assert.equal(model.verdict(0, fraction), 'same');
});

test('values have their unit, differences their sign', () => {
  assert.equal(model.shown(0.91234, fraction), '91.23 %');
  assert.equal(model.shown(null, fraction), '–');
  assert.equal(model.shown(8, { higher_is_better: null, unit: 'number' }), '8');
  assert.equal(model.shownDelta(-0.012, fraction), '−1.2 pt');
  assert.equal(model.shownDelta(90, { higher_is_better: false, unit: 'seconds' }), '+1 min 30 s');
});

test('filters are words, words that must not be there, and comparisons', () => {
  const names = (text: string): string[] =>
    results.combinations.filter(model.parseFilter(text, results.metrics).ok).map((one) => one.combination);
  assert.deepEqual(names('trades'), ['comb_002', 'comb_003']);
  assert.deepEqual(names('-trades'), ['comb_001']);
  assert.deepEqual(names('acc>85%'), ['comb_001']);
  assert.deepEqual(names('accuracy<=0.8 trades'), ['comb_002']);
  assert.deepEqual(names(''), ['comb_001', 'comb_002', 'comb_003']);
  assert.match(model.parseFilter('nothing>1', results.metrics).problem!, /no metric/);
  assert.match(model.parseFilter('accuracy>>1', results.metrics).problem!, /no comparison/);
});

test('axes: stages with a choice, then metrics that vary; lower is better is turned over', () => {
  const axes = model.axesOf(results, [], 8);
  assert.deepEqual(
    axes.map((axis) => axis.key),
    ['in_training', 'accuracy', 'asr'],
  );
  const [stage, accuracy, asr] = axes as [model.Axis, model.Axis, model.Axis];
  assert.deepEqual(stage.categories, ['plain', 'trades']);
  assert.equal(model.heightOf(accuracy, 0.9), 1);
  assert.equal(model.heightOf(asr, 0.1), 1);
  assert.equal(model.valueAt(asr, model.heightOf(asr, 0.3)).toFixed(6), '0.300000');
  assert.equal(model.valueOn(stage, results.combinations[1]!), 1);
});

test('ranges leave out what is outside or missing', () => {
  const inside = model.isInside(results, { accuracy: [0.85, Infinity] });
  assert.deepEqual(results.combinations.map(inside), [true, false, false]);
  assert.deepEqual(results.combinations.map(model.isInside(results, { in_training: [0.5, 1.5] })), [
    false,
    true,
    true,
  ]);
});

test('sorting puts what is missing last in both directions', () => {
  const order = (sort: string): string[] => model.sortRows(results.combinations, sort).map((one) => one.combination);
  assert.deepEqual(order('accuracy'), ['comb_002', 'comb_001', 'comb_003']);
  assert.deepEqual(order('-accuracy'), ['comb_001', 'comb_002', 'comb_003']);
  assert.deepEqual(order(''), ['comb_001', 'comb_002', 'comb_003']);
});

test('CSV has the rows and columns that are shown, raw', () => {
  const { columns, rows } = model.csvOf(
    results,
    [results.combinations[1]!, results.combinations[2]!],
    ['accuracy', 'note'],
  );
  assert.equal(
    toCsv(columns, rows),
    'combination,pre_training,in_training,post_training,deployment,accuracy,accuracy_delta,note,total_duration,' +
      'combination_status\r\n' +
      'comb_002,,trades,,,0.8,-0.1,,2,success\r\ncomb_003,,trades,,,,,,3,running\r\n',
  );
});
