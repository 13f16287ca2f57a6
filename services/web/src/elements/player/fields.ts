/** Read the times that people type: where to go, where a range begins and ends. */

import type { Axis } from '../../words/axis'
import { keysAreOn, turnKeys } from './keyboard'
import { parsePosition, parseRangeEnd, type TimeMode } from './position'
import type { Parts } from './template'

export interface FieldOwner {
  mode(): TimeMode
  axis(): Axis | null
  duration(): number
  label(name: string): string
  goTo(position: number): void
  setIn(position: number | null): void
  setOut(position: number | null): void
}

export function wireFields(parts: Parts, owner: FieldOwner): void {
  const { jumpField, inField, outField, keysField } = parts
  jumpField.addEventListener('keydown', (event) => {
    if (event.isComposing) return
    if (event.code === 'Enter' || event.code === 'NumpadEnter') jump(parts, owner)
    if (event.code === 'Escape') parts.scrub.focus()
  })
  inField.addEventListener('change', () => typed(parts, owner, inField, (position) => owner.setIn(position)))
  outField.addEventListener('change', () => typed(parts, owner, outField, (position) => owner.setOut(position)))
  keysField.checked = keysAreOn()
  keysField.addEventListener('change', () => turnKeys(keysField.checked))
}

function jump(parts: Parts, owner: FieldOwner): void {
  typed(parts, owner, parts.jumpField, (position) => {
    if (position === null) return
    owner.goTo(position)
    parts.jumpField.value = ''
    parts.scrub.focus()
  })
}

function typed(parts: Parts, owner: FieldOwner, field: HTMLInputElement, act: (position: number | null) => void): void {
  const [mode, axis, duration] = [owner.mode(), owner.axis(), owner.duration()]
  const position = field === parts.jumpField ? parsePosition(field.value, mode, axis, duration) : parseRangeEnd(field.value, axis, duration)
  const wrong = position === null && field.value.trim() !== ''
  field.setAttribute('aria-invalid', String(wrong))
  parts.message.textContent = wrong ? owner.label('badTime') : ''
  if (!wrong) act(position)
}
