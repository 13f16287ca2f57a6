/** Look at a recording as the archive wants it: a viewing opened first, its watched ranges told, its end told. */

import { onBeforeUnmount, ref, shallowRef, type Ref, type ShallowRef } from 'vue'
import { reportWatched, startViewing } from '../api/archive'
import { asProblem, type Problem } from '../api/http'
import type { Interval } from '../words/intervals'

export interface Viewing {
  readonly id: Ref<string | null>
  readonly problem: ShallowRef<Problem | null>
  readonly needsReason: Ref<boolean>
  readonly busy: Ref<boolean>
  /** Open a viewing; answers null when a reason must be given first, or when it was refused. */
  begin(reason?: string): Promise<string | null>
  tell(watched: readonly Interval[]): void
}

export function useViewing(recording: string, watchedNow: () => readonly Interval[]): Viewing {
  const id = ref<string | null>(null)
  const problem = shallowRef<Problem | null>(null)
  const needsReason = ref(false)
  const busy = ref(false)

  async function begin(reason?: string): Promise<string | null> {
    busy.value = true
    problem.value = null
    try {
      end()
      id.value = (await startViewing(recording, reason ? { reason, purpose: 'review' } : { purpose: 'review' })).id
      needsReason.value = false
    } catch (error) {
      const found = asProblem(error)
      if (found.code === 'reason-required') needsReason.value = true
      else problem.value = found
    } finally {
      busy.value = false
    }
    return id.value
  }

  /** What cannot be told now is told with the next ten seconds, for ranges are always sent whole. */
  function tell(watched: readonly Interval[]): void {
    if (id.value !== null && watched.length > 0) reportWatched(recording, id.value, watched, false).catch(() => undefined)
  }

  function end(): void {
    if (id.value === null) return
    reportWatched(recording, id.value, watchedNow(), true).catch(() => undefined) // silence ends it as well
    id.value = null
  }

  window.addEventListener('pagehide', end)
  onBeforeUnmount(() => {
    window.removeEventListener('pagehide', end)
    end()
  })
  return { id, problem, needsReason, busy, begin, tell }
}
