/**
 * Say what a key does on the review desk.
 *
 * Keys are told by their place (`code`), not their letter: with a Chinese input method on, `key` is
 * "Process" while `code` stays "KeyJ". Combinations with Ctrl, Alt and Meta belong to the browser.
 */

export const COMMANDS = [
  'play-pause',
  'faster',
  'hop-back',
  'frame-back',
  'frame-forward',
  'back-5',
  'forward-5',
  'back-1',
  'forward-1',
  'previous-mark',
  'next-mark',
  'to-start',
  'to-end',
  'set-in',
  'set-out',
  'go-in',
  'go-out',
  'preview',
  'clear-range',
  'clip',
  'still',
  'cite',
  'jump',
  'switch-time',
  'mute',
  'fullscreen',
  'keys',
] as const
export type Command = (typeof COMMANDS)[number]

export interface KeyPress {
  readonly code: string
  readonly shiftKey: boolean
  readonly ctrlKey: boolean
  readonly altKey: boolean
  readonly metaKey: boolean
  readonly isComposing?: boolean
}

const PLAIN: Readonly<Record<string, Command>> = {
  Space: 'play-pause',
  KeyK: 'play-pause',
  KeyL: 'faster',
  KeyJ: 'hop-back',
  Comma: 'frame-back',
  Period: 'frame-forward',
  ArrowLeft: 'back-5',
  ArrowRight: 'forward-5',
  ArrowUp: 'previous-mark',
  ArrowDown: 'next-mark',
  Home: 'to-start',
  End: 'to-end',
  KeyI: 'set-in',
  KeyO: 'set-out',
  KeyP: 'preview',
  KeyX: 'clear-range',
  KeyC: 'clip',
  KeyS: 'still',
  KeyG: 'jump',
  KeyT: 'switch-time',
  KeyM: 'mute',
  KeyF: 'fullscreen',
}
const SHIFTED: Readonly<Record<string, Command>> = {
  ArrowLeft: 'back-1',
  ArrowRight: 'forward-1',
  KeyI: 'go-in',
  KeyO: 'go-out',
  KeyS: 'cite',
  Slash: 'keys',
}

/** Find the command of a key; null when the key is not ours. */
export function commandOf(press: KeyPress): Command | null {
  if (press.ctrlKey || press.altKey || press.metaKey || press.isComposing) return null
  return (press.shiftKey ? SHIFTED : PLAIN)[press.code] ?? null
}

/** Print the keys of a command for the overlay: `Space, K`. */
export function keysOf(command: Command): string {
  const plain = Object.keys(PLAIN).filter((code) => PLAIN[code] === command)
  const shifted = Object.keys(SHIFTED).filter((code) => SHIFTED[code] === command)
  return [...plain.map(keyName), ...shifted.map((code) => (code === 'Slash' ? '?' : `Shift+${keyName(code)}`))].join(', ')
}

function keyName(code: string): string {
  const signs: Record<string, string> = { ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓', Comma: ',', Period: '.' }
  return signs[code] ?? code.replace(/^Key/, '')
}
