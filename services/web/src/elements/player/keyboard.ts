/** Let keys pressed anywhere on the page reach the player, except where they belong to something else. */

import { commandOf, type Command } from './keys'

const KEPT_UNDER = 'huisu.player-keys'

/** Single-key shortcuts can be turned off, for speech input types letters (WCAG 2.1.4). */
export function keysAreOn(): boolean {
  return localStorage.getItem(KEPT_UNDER) !== 'off'
}

export function turnKeys(on: boolean): void {
  localStorage.setItem(KEPT_UNDER, on ? 'on' : 'off')
}

/** Find what a key press means for `player`; null when it belongs elsewhere. */
export function commandFor(player: HTMLElement, event: KeyboardEvent): Command | null {
  if (event.defaultPrevented || !keysAreOn()) return null
  const command = commandOf(event)
  const target = event.composedPath()[0]
  return command && !isField(target) && !isOthers(player, target, event.code) ? command : null
}

function isField(target: EventTarget | undefined): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}

/** Space belongs to a focused button or link; arrows, Home and End to whatever outside the player has the focus. */
function isOthers(player: HTMLElement, target: EventTarget | undefined, code: string): boolean {
  if (!(target instanceof HTMLElement) || target === document.body) return false
  if (target.closest('[role="dialog"]') && target.getRootNode() === document) return true
  if (code === 'Space') return /^(?:BUTTON|A|SUMMARY)$/.test(target.tagName)
  return target.getRootNode() !== player.shadowRoot && /^(?:Arrow|Home|End)/.test(code)
}
