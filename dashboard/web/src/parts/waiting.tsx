// Why a group of tasks waits: for those that wait for a place the broker is asked about one of them, since
// only it knows whether any worker could ever run them.
import type { JSX } from 'preact';
import { useResource } from '../api/resource.ts';
import type { Explanation, Waiting } from '../api/types.ts';

export function WaitReason({ waiting, isAsked = true }: { waiting: Waiting; isAsked?: boolean }): JSX.Element {
  const asks = isAsked && waiting.code === 'resources';
  const { data } = useResource<Explanation>(
    asks ? `/tasks/${waiting.example}/explain` : null,
    ['workers', 'pipelines'],
    5000,
  );
  return <>{data.value?.summary ?? waiting.message}</>;
}
