/** Draw what lies along the recording: watched ranges, flags, the chosen range, the cursor. */

import type { Flag } from '../../api/types'
import type { Interval } from '../../words/intervals'
import { secondsOf } from '../../words/seconds'
import { formatClock } from '../../words/time'

/** Place an element over `[start, end)` of the recording. */
export function placeRange(element: HTMLElement, start: number, end: number, duration: number): void {
  const share = (seconds: number): number => (duration > 0 ? Math.max(0, Math.min(1, seconds / duration)) * 100 : 0)
  element.style.left = `${share(start)}%`
  element.style.width = `${share(end) - share(start)}%`
}

/** Draw gaps, hatched and at their true length, and the joints of recordings. */
export function drawGaps(lane: HTMLElement, gaps: readonly Interval[], joints: readonly number[], duration: number, name: string): void {
  const marks = gaps.map(([start, end]) => {
    const mark = document.createElement('i')
    placeRange(mark, start, end, duration)
    mark.title = `${name} ${formatClock(start)} – ${formatClock(end)}`
    mark.dataset.testid = 'player-gap'
    return mark
  })
  const seams = joints.map((joint) => {
    const mark = document.createElement('b')
    placeRange(mark, joint, joint, duration)
    mark.style.width = ''
    return mark
  })
  lane.replaceChildren(...marks, ...seams)
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

/** Draw flags that lie somewhere; those about the whole file have no place here. Dismissed ones stay, struck. */
export function drawFlags(lane: HTMLElement, flags: readonly Flag[], duration: number, nameOf: (kind: string) => string, seek: (position: number) => void): void {
  const marks = flags.flatMap((flag) => {
    const start = secondsOf(flag.start)
    if (start === null) return []
    const mark = document.createElement('i')
    placeRange(mark, start, secondsOf(flag.end) ?? start, duration)
    mark.dataset.testid = 'player-flag'
    mark.dataset.flag = flag.kind
    mark.classList.toggle('dismissed', flag.dismissed != null)
    mark.addEventListener('pointerdown', (event) => {
      event.stopPropagation() // the flag begins where it begins, not where it was hit
      seek(start)
    })
    mark.title = flag.detail ? `${nameOf(flag.kind)}: ${flag.detail}` : nameOf(flag.kind)
    return [mark]
  })
  lane.replaceChildren(...marks)
}
