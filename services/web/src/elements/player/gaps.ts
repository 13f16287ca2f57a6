/** Keep gaps at their true length on the axis, pass over them in play, and stop at whatever else is marked. */

import type { Interval } from '../../words/intervals'

/** A browser stops a little before the end of what it has: so near to a gap, waiting means the gap. */
const STALL_REACH_S = 0.35
const PLAY_REACH_S = 0.02

/** Find the gap that lies at `position`, or begins within `reach` seconds behind it. */
export function gapAt(gaps: readonly Interval[], position: number, reach = 0): Interval | null {
  return gaps.find(([start, end]) => position >= start - reach && position < end - 1e-3) ?? null
}

/** Find the next (or previous) of the marked positions; a mark within `reach` counts as where one stands. */
export function markFrom(marks: readonly number[], position: number, direction: 1 | -1, reach = 0.05): number | null {
  const sorted = [...marks].sort((left, right) => left - right)
  if (direction > 0) return sorted.find((mark) => mark > position + reach) ?? null
  return sorted.filter((mark) => mark < position - reach).pop() ?? null
}

/** Pass over gaps: a player that has come to one goes on behind it. `onCross` hears which gap it was. */
export function wireGaps(video: HTMLVideoElement, gaps: () => readonly Interval[], onCross: (gap: Interval) => void): void {
  const cross = (reach: number): void => {
    const gap = gapAt(gaps(), video.currentTime, reach)
    if (!gap || gap[1] >= video.duration) return
    video.currentTime = gap[1]
    onCross(gap)
  }
  video.addEventListener('seeking', () => cross(0))
  video.addEventListener('timeupdate', () => cross(video.paused ? 0 : PLAY_REACH_S))
  video.addEventListener('waiting', () => cross(STALL_REACH_S))
}
