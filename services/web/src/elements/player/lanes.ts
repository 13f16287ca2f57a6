/** Draw what lies along the recording: watched ranges, flags, the chosen range, the cursor. */

import type { Flag } from '../../api/types'
import type { Interval } from '../../words/intervals'
import { secondsOf } from '../../words/seconds'

/** Place an element over `[start, end)` of the recording. */
export function placeRange(element: HTMLElement, start: number, end: number, duration: number): void {
  const share = (seconds: number): number => (duration > 0 ? Math.max(0, Math.min(1, seconds / duration)) * 100 : 0)
  element.style.left = `${share(start)}%`
  element.style.width = `${share(end) - share(start)}%`
}

export function drawWatched(lane: HTMLElement, watched: readonly Interval[], duration: number): void {
  lane.replaceChildren(
    ...watched.map(([start, end]) => {
      const mark = document.createElement('i')
      placeRange(mark, start, end, duration)
      return mark
    }),
  )
}

/** Draw flags that lie somewhere; those about the whole file have no place here. */
export function drawFlags(lane: HTMLElement, flags: readonly Flag[], duration: number, nameOf: (kind: string) => string): void {
  const marks = flags.flatMap((flag) => {
    const start = secondsOf(flag.start)
    if (start === null) return []
    const mark = document.createElement('i')
    placeRange(mark, start, secondsOf(flag.end) ?? start, duration)
    mark.title = flag.detail ? `${nameOf(flag.kind)}: ${flag.detail}` : nameOf(flag.kind)
    return [mark]
  })
  lane.replaceChildren(...marks)
}
