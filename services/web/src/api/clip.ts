/** Fetch a clip as a stream, so that its size, its honesty and a broken end are all seen. */

import { send } from './http'
import { fileNameOf } from '../words/disposition'

export interface ClipFacts {
  readonly name: string
  readonly range: string | null
  readonly kind: string | null
  readonly frames: string | null
  readonly copied: string | null
}

export interface Clip extends ClipFacts {
  readonly content: Blob
}

export interface ClipRange {
  readonly start: number
  readonly end: number
}

export function clipFactsOf(headers: Headers, fallbackName: string): ClipFacts {
  return {
    name: fileNameOf(headers.get('Content-Disposition')) ?? fallbackName,
    range: headers.get('Huisu-Clip-Range'),
    kind: headers.get('Huisu-Clip-Kind'),
    frames: headers.get('Huisu-Clip-Frames'),
    copied: headers.get('Huisu-Clip-Copied'),
  }
}

/**
 * Fetch `[start, end)` exactly.
 *
 * Raises `Problem` when the archive refuses, and a `TypeError` when the stream breaks: the archive
 * breaks the connection rather than send a clip that it could not finish.
 */
export async function fetchClip(recording: string, range: ClipRange, viewing: string, onBytes: (received: number) => void): Promise<Clip> {
  const query = { start: range.start.toFixed(6), end: range.end.toFixed(6), mode: 'exact', viewing }
  const response = await send(`/recordings/${recording}/clip`, { query })
  const facts = clipFactsOf(response.headers, `${recording}_${range.start.toFixed(3)}-${range.end.toFixed(3)}.mp4`)
  const parts: Uint8Array<ArrayBuffer>[] = []
  let received = 0
  const reader = response.body!.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    parts.push(value)
    received += value.byteLength
    onBytes(received)
  }
  return { ...facts, content: new Blob(parts, { type: response.headers.get('Content-Type') ?? 'video/mp4' }) }
}

/** Hand a finished file to the browser's downloads. */
export function saveFile(content: Blob, name: string): void {
  const place = URL.createObjectURL(content)
  const anchor = document.createElement('a')
  anchor.href = place
  anchor.download = name
  anchor.click()
  window.setTimeout(() => URL.revokeObjectURL(place), 60_000)
}
