/** Keep a page fresh while it is shown. */

import { onScopeDispose, ref, type Ref } from 'vue'
import { listen, type Change, type Topic } from '../api/events'

export function useLive(topics: readonly Topic[], onChange: (topic: Topic, change: Change) => void, onRefresh: () => void): Ref<boolean> {
  const live = ref(false)
  const stop = listen({ topics, onChange, onRefresh, onConnection: (now) => (live.value = now) })
  onScopeDispose(stop)
  return live
}
