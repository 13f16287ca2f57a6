/** Half-open ranges of seconds, kept sorted and apart: what has been watched, what two lanes share. */

export type Interval = readonly [number, number]

/** Ranges nearer than this are one: players report positions in steps. */
const JOIN_S = 0.05

/** Add `[start, end)` to sorted ranges, joining those that touch. Empty and backward ranges change nothing. */
export function addInterval(intervals: readonly Interval[], start: number, end: number): Interval[] {
  if (!(end > start)) return [...intervals]
  let joinedStart = start
  let joinedEnd = end
  const apart: Interval[] = []
  for (const [from, to] of intervals) {
    if (to < joinedStart - JOIN_S || from > joinedEnd + JOIN_S) apart.push([from, to])
    else {
      joinedStart = Math.min(joinedStart, from)
      joinedEnd = Math.max(joinedEnd, to)
    }
  }
  apart.push([joinedStart, joinedEnd])
  return apart.sort((left, right) => left[0] - right[0])
}

/** Seconds covered in total. */
export function totalLength(intervals: readonly Interval[]): number {
  return intervals.reduce((sum, [start, end]) => sum + end - start, 0)
}
