/** Write the player's texts, and write them again when the language changes. */

import { nameIt } from './display'
import { COMMANDS, keysOf } from './keys'
import type { Parts } from './template'

export function writeLabels(root: ShadowRoot, parts: Parts, label: (name: string) => string, commandLabels: Readonly<Record<string, string>>): void {
  for (const part of root.querySelectorAll<HTMLElement>('[data-label]')) nameIt(part, label(part.dataset.label!))
  for (const part of root.querySelectorAll<HTMLElement>('[data-title]')) part.title = label(part.dataset.title!)
  for (const part of root.querySelectorAll<HTMLElement>('[data-text]')) part.textContent = label(part.dataset.text!)
  parts.jumpField.placeholder = label('jumpHint')
  parts.jumpField.title = label('jumpClockHint')
  for (const field of [parts.inField, parts.outField]) field.title = label('rangeHint')
  const rows = COMMANDS.flatMap((command) => [made('dt', keysOf(command)), made('dd', commandLabels[command] ?? command)])
  parts.keyList.replaceChildren(...rows)
}

function made(tag: string, text: string): HTMLElement {
  const element = document.createElement(tag)
  element.textContent = text
  return element
}
