/** Show the picture and the time under the pointer. */

import { tileAt, type Tile } from './storyboard'
import type { Parts } from './template'

export function shareAt(scrub: HTMLElement, clientX: number): number {
  const box = scrub.getBoundingClientRect()
  return box.width > 0 ? Math.max(0, Math.min(1, (clientX - box.left) / box.width)) : 0
}

export function showHover(parts: Parts, tiles: readonly Tile[], position: number, share: number, label: string): void {
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
