/**
 * Read seconds as the API may give them: a number, a decimal, or an exact fraction `n/d`. Null for anything else.
 */
export function secondsOf(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value !== 'string' || value.trim() === '') return null
  const [above = '', below] = value.split('/')
  const seconds = below === undefined ? Number(above) : Number(above) / Number(below)
  return Number.isFinite(seconds) ? seconds : null
}

/** Write seconds for the API: rounded down to the microsecond, so that a range that begins with a frame keeps it. */
export function secondsText(seconds: number): string {
  const slack = 1e-3 // what a float has lost
  return (Math.floor(seconds * 1e6 + slack) / 1e6).toFixed(6)
}
