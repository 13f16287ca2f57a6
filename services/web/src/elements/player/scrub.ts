/** Move along the recording with the pointer, seeing the picture and the time under it. */

import { tileAt, type Tile } from './storyboard'
import type { Parts } from './template'

function shareAt(scrub: HTMLElement, clientX: number): number {
  const box = scrub.getBoundingClientRect()
  return box.width > 0 ? Math.max(0, Math.min(1, (clientX - box.left) / box.width)) : 0
}

function showHover(parts: Parts, tiles: readonly Tile[], position: number, share: number, label: string): void {
  const tile = tileAt(tiles, position)
  parts.hover.hidden = false
  parts.hover.style.left = `${Math.max(8, Math.min(92, share * 100))}%`
  parts.hoverTime.textContent = label
  parts.tile.hidden = tile === null
  if (!tile) return
  parts.tile.style.width = `${tile.width}px`
  parts.tile.style.height = `${tile.height}px`
  parts.tile.style.backgroundImage = `url("${tile.sheet.replace(/"/g, '%22')}")`
  parts.tile.style.backgroundPosition = `-${tile.x}px -${tile.y}px`
}

export interface ScrubSource {
  tiles(): readonly Tile[]
  duration(): number
  print(position: number): string
  seek(position: number): void
}

export function wireScrub(parts: Parts, source: ScrubSource): void {
  const { scrub, hover } = parts
  scrub.addEventListener('pointermove', (event) => {
    const share = shareAt(scrub, event.clientX)
    const position = share * source.duration()
    showHover(parts, source.tiles(), position, share, source.print(position))
    if (event.buttons === 1) source.seek(position)
  })
  scrub.addEventListener('pointerleave', () => (hover.hidden = true))
  scrub.addEventListener('pointerdown', (event) => {
    if (event.button === 0) source.seek(shareAt(scrub, event.clientX) * source.duration())
  })
}
