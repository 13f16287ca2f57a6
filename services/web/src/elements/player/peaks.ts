/** Draw sound peaks that the server has made; the browser never decodes sound for them. */

import type { Peaks } from '../../api/types'

/** The loudest excursion below and above zero in one column, each -1 to 1. */
export type Column = readonly [number, number]

/** Seconds that the peaks cover. */
export function peaksDuration(peaks: Peaks): number {
  return (peaks.length * peaks.samples_per_pixel) / peaks.sample_rate
}

/**
 * Reduce peaks to `columns` over `[0, duration)`, all channels together.
 *
 * Columns past the end of the sound are silent. Source of the layout: audiowaveform JSON, version 2
 * (channels interleaved, minimum before maximum).
 */
export function peakColumns(peaks: Peaks, columns: number, duration: number): Column[] {
  const full = 2 ** (peaks.bits - 1)
  const covered = peaksDuration(peaks)
  const perColumn = covered > 0 ? (duration / covered) * (peaks.length / columns) : 0
  return Array.from({ length: columns }, (_, column) => {
    const from = Math.floor(column * perColumn)
    const to = Math.min(peaks.length, Math.max(from + 1, Math.floor((column + 1) * perColumn)))
    return loudest(peaks, from, to, full)
  })
}

function loudest(peaks: Peaks, from: number, to: number, full: number): Column {
  const perPixel = 2 * Math.max(1, peaks.channels)
  let low = 0
  let high = 0
  for (let index = from * perPixel; index < to * perPixel && index + 1 < peaks.data.length; index += 2) {
    low = Math.min(low, peaks.data[index]!)
    high = Math.max(high, peaks.data[index + 1]!)
  }
  return [Math.max(-1, low / full), Math.min(1, high / full)]
}

/** Paint columns into a canvas whose size follows its box on the screen. */
export function paintPeaks(canvas: HTMLCanvasElement, peaks: Peaks | null, duration: number, colour: string): void {
  const ratio = window.devicePixelRatio || 1
  const width = Math.max(1, Math.round(canvas.clientWidth * ratio))
  const height = Math.max(1, Math.round(canvas.clientHeight * ratio))
  canvas.width = width
  canvas.height = height
  const context = canvas.getContext('2d')
  if (!context || !peaks || duration <= 0) return
  context.fillStyle = colour
  const middle = height / 2
  peakColumns(peaks, width, duration).forEach(([low, high], column) => {
    context.fillRect(column, middle - high * middle, 1, Math.max(1, (high - low) * middle))
  })
}
