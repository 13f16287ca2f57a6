/** Print bytes and shares for people. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** Print a size with its binary unit and three significant digits at most: `42 B`, `9.54 MiB`, `1.21 GiB`. */
export function formatBytes(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined || !Number.isFinite(bytes)) return '—'
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit += 1
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2
  return `${value.toFixed(digits)} ${UNITS[unit]}`
}

/** Print a share of a whole as a percentage, rounded down so that 100 % means all of it. */
export function percent(part: number, whole: number): number {
  if (whole <= 0) return part > 0 ? 0 : 100
  return Math.min(100, Math.floor((part / whole) * 100))
}
