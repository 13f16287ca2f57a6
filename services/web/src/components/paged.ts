/** Read a keyset list page by page; a newer request makes an older answer worthless. */

import { ref, shallowRef, type Ref } from 'vue'
import { asProblem, type Problem } from '../api/http'
import type { Page } from '../api/types'

export interface Paged<T> {
  readonly items: Ref<readonly T[]>
  readonly next: Ref<string | null>
  readonly loading: Ref<boolean>
  readonly problem: Ref<Problem | null>
  /** Read the first page again; `quietly` keeps the shown rows until it is there. */
  restart(quietly?: boolean): Promise<void>
  more(): Promise<void>
}

export function usePaged<T>(read: (cursor?: string) => Promise<Page<T>>): Paged<T> {
  const items = shallowRef<readonly T[]>([])
  const next = ref<string | null>(null)
  const loading = ref(false)
  const problem = shallowRef<Problem | null>(null)
  let newest = 0

  async function load(cursor: string | undefined, before: readonly T[]): Promise<void> {
    const mine = ++newest
    loading.value = true
    try {
      const page = await read(cursor)
      if (mine !== newest) return
      items.value = [...before, ...page.items]
      next.value = page.next
      problem.value = null
    } catch (error) {
      if (mine === newest) problem.value = asProblem(error)
    } finally {
      if (mine === newest) loading.value = false
    }
  }

  function restart(quietly = false): Promise<void> {
    if (!quietly) {
      items.value = []
      next.value = null
    }
    return load(undefined, [])
  }

  return { items, next, loading, problem, restart, more: () => load(next.value ?? undefined, items.value) }
}
