// What the gateway answers, as docs/openapi.yaml describes it. Fields are only ever added there.
export type PipelineState = 'running' | 'paused' | 'completed' | 'failed' | 'cancelled';
export type TaskStatus = 'pending' | 'running' | 'completed' | 'failed' | 'skipped' | 'cancelled';
export type Time = string | null;

export interface Broker {
  connected: boolean;
  address: string;
  version: string | null;
  last_heard_at: Time;
  message: string | null;
}

export interface Session {
  role: 'reader' | 'user';
  may_act: boolean;
  /** What may be done besides cancel, retry, pause and resume; absent where nothing else is offered. */
  actions?: string[];
  expires_at: Time;
  version: string;
  broker: Broker;
}

export interface Counts {
  total: number;
  pending: number;
  running: number;
  completed: number;
  failed: number;
  skipped: number;
  cancelled: number;
  cached: number;
}

export interface Savings {
  task_instances: number;
  tasks: number;
  cached: number;
}

export interface Pipeline extends Counts {
  pipeline_id: string;
  name: string;
  state: PipelineState;
  submitted_at: Time;
  finished_at: Time;
  eta_seconds: number | null;
  policy: string;
  priority: number;
  dataset: string | null;
  ready: number;
  workflows: number;
  workflows_completed: number;
}

export interface Failure {
  pipeline_id: string;
  task_id: string;
  tool: string;
  type: string;
  reason: string | null;
  worker: string | null;
  finished_at: Time;
  attempts: number;
  blocks: number;
}

export interface Waiting {
  pipeline_id: string;
  code: 'dependencies' | 'resources' | 'joined' | 'paused' | 'retry';
  tool: string;
  tasks: number;
  example: string;
  message: string;
}

export interface Stage {
  type: string;
  total: number;
  running: number;
  completed: number;
  failed: number;
}

export interface PipelineDetail extends Pipeline {
  stages: Stage[];
  notices: string[];
  failures: Failure[];
  waiting: Waiting[];
  savings: Savings;
  last_change_at: Time;
}

export interface Overview {
  broker: Broker;
  pipelines: Record<PipelineState, number>;
  tasks: Counts;
  ready: number;
  workers: { total: number; connected: number; cpus: number; cpus_free: number };
  gpus: { total: number; free: number; faulty: number };
  savings: Savings;
  unfinished: Pipeline[];
  recent: Pipeline[];
  failures: Failure[];
  waiting: Waiting[];
  alarms: { code: string; message: string }[];
}

export interface PipelinePage {
  pipelines: Pipeline[];
  total: number;
  next_offset: number | null;
}

export type MetricValue = number | string | boolean | null;

export interface Task {
  task_id: string;
  pipeline_id: string;
  key: string;
  tool: string;
  type: string;
  status: TaskStatus;
  reason: string | null;
  priority: number;
  dependency_level: number;
  usage_counter: number;
  dependencies: string[];
  workflows: string[];
  attempts: number;
  worker: string | null;
  started_at: Time;
  finished_at: Time;
  cached: boolean;
  ready: boolean;
  evaluation_skipped: boolean;
  artifact: string | null;
  artifact_bytes: number;
  metrics: Record<string, MetricValue>;
  cached_from: string | null;
  joined: string | null;
  is_baseline: boolean;
  /** Held back with a part of its pipeline; absent where parts cannot be paused. */
  paused?: boolean;
}

export interface TaskPage {
  tasks: Task[];
  total: number;
  next_offset: number | null;
}

export interface PastAttempt {
  attempt: number;
  worker: string | null;
  outcome: string | null;
  exit_code: number | null;
  reason: string | null;
  assigned_at: Time;
  started_at: Time;
  finished_at: Time;
  cpu_seconds: number;
  memory_peak_bytes: number;
  gpu_memory_peak_bytes: number;
  log_tail: string;
  gpus: number[];
}

export interface TaskLink {
  task_id: string;
  tool: string;
  type: string;
  status: TaskStatus;
  artifact: string | null;
  artifact_bytes: number;
}

export interface TaskDetail {
  task: Task;
  image: string;
  command: string;
  config: Record<string, unknown>;
  key_ingredients: Record<string, unknown>;
  history: PastAttempt[];
  inputs: TaskLink[];
  outputs: TaskLink[];
}

export interface Explanation {
  task_id: string;
  summary: string;
  reasons: string[];
  compared_with: string | null;
  differs_at: string | null;
  differences: { ingredient: string; here: string | null; there: string | null }[];
  task: Task;
}

export interface LogPiece {
  task_id: string;
  attempt: number;
  worker: string;
  offset: number;
  next_offset: number;
  left_out: number;
  size: number;
  finished: boolean;
  text: string;
}

export interface GroupNode extends Counts {
  id: number;
  type: string;
  tool: string;
  level: number;
  is_baseline: boolean;
  ready: number;
}

export interface GroupGraph {
  view: 'groups';
  nodes: GroupNode[];
  edges: { from: number; to: number; count: number }[];
}

export interface TaskGraph {
  view: 'tasks';
  tools: string[];
  types: string[];
  statuses: TaskStatus[];
  tasks: { number: number[]; tool: number[]; type: number[]; level: number[]; usage_counter: number[] };
  edges: { from: number[]; to: number[] };
  state: { status: number[]; cached: number[]; ready: number[] };
}

export interface Attempt {
  task_id: string;
  attempt: number;
  worker_id: string;
  worker: string;
  lane: number;
  gpus: number[];
  assigned_ms: number;
  started_ms: number;
  finished_ms: number;
  outcome: string | null;
}

export interface Timeline {
  now_ms: number;
  lanes: { worker_id: string; worker: string; lane: number }[];
  attempts: Attempt[];
  cached: number;
}

export interface MetricInfo {
  higher_is_better: boolean | null;
  unit: 'fraction' | 'seconds' | 'bytes' | 'number';
}

export interface Combination {
  workflow_id: string;
  combination: string;
  pre_training: string;
  in_training: string;
  post_training: string;
  deployment: string;
  metrics: Record<string, MetricValue>;
  is_baseline: boolean;
  total_duration: number;
  combination_status: 'success' | 'failure' | 'running';
}

export interface Results {
  pipeline_id: string;
  name: string;
  dataset_name: string;
  dataset_type: string;
  metrics: string[];
  metric_info: Record<string, MetricInfo>;
  baseline: string | null;
  combinations: Combination[];
}

export interface InteractionCell {
  row: number;
  column: number;
  n: number;
  change: number;
  relative_change: number;
  severity: 'none' | 'moderate' | 'severe';
  sign: 'positive' | 'negative' | 'mixed' | 'none';
}

export interface Interactions {
  pipeline_id: string;
  metric: string | null;
  metrics: string[];
  higher_is_better: boolean | null;
  moderate_above: number;
  severe_above: number;
  tools: { type: string; tool: string }[];
  cells: InteractionCell[];
}

export interface Worker {
  worker_id: string;
  name: string;
  state: string;
  slots: { cpus: number; cpus_free: number; memory_bytes: number; gpus_free: number };
  gpus: string[];
  running: number;
  completed: number;
  failed: number;
  last_seen_at: Time;
  labels: Record<string, string>;
  runtimes: string[];
  datasets: string[];
  version: string;
  reason: string | null;
  bytes_fetched: number;
}

export interface Gpu {
  worker_id: string;
  worker: string;
  index: number;
  model: string;
  state: 'busy' | 'idle' | 'faulty' | 'away';
  fault: string | null;
  tasks: string[];
}

export interface ActionResult {
  action: string;
  pipeline_id?: string;
  task_id?: string;
  tasks?: number;
  running?: number;
  paused?: boolean;
  changed?: boolean;
  state?: string;
  /** Of a part that was resumed: what something else holds back, and what that is. */
  still_paused?: number;
  why?: string[];
}

export interface TaskChange {
  task_id: string;
  status: TaskStatus;
  reason: string | null;
  ready: boolean;
  attempts: number;
  worker: string | null;
  cached: boolean;
  evaluation_skipped: boolean;
  started_ms: number;
  finished_ms: number;
  last_attempt: Attempt | null;
}

export interface TasksEvent {
  pipeline_id: string;
  tasks: TaskChange[];
}
