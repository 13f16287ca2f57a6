/** Fetch a clip as a stream, so that its size, its honesty and a broken end are all seen. */

import { send } from './http'
import { fileNameOf } from '../words/disposition'
import { secondsText } from '../words/seconds'

export const CLIP_MODES = ['exact', 'verbatim'] as const
/** `exact`: exactly the frames asked for. `verbatim`: whole groups of pictures around them, bit for bit. */
export type ClipMode = (typeof CLIP_MODES)[number]

export interface ClipFacts {
  readonly name: string
  readonly range: string | null
  readonly kind: string | null
  readonly frames: string | null
  readonly copied: string | null
  /** Stretches of it in which nothing was recorded; null for a clip of one recording. */
  readonly gaps: string | null
  /** Null where the archive makes it while it sends. */
  readonly size: number | null
}

export interface Clip extends ClipFacts {
  readonly content: Blob
}

export interface ClipRange {
  readonly start: number
  readonly end: number
}

/** How much of a clip is here: bytes, of how many where that is known. */
export interface ClipProgress {
  readonly received: number
  readonly size: number | null
}

/** Something that clips are cut from: a recording, or a channel of a session. */
export interface ClipSource {
  readonly path: string
  readonly name: string
  readonly query: Readonly<Record<string, string | null>>
}

export const recordingClips = (recording: string, viewing: string | null): ClipSource => ({ path: `/recordings/${recording}/clip`, name: recording, query: { viewing } })

export function clipFactsOf(headers: Headers, fallbackName: string): ClipFacts {
  const length = headers.get('Content-Length')
  return {
    name: fileNameOf(headers.get('Content-Disposition')) ?? fallbackName,
    range: headers.get('Huisu-Clip-Range'),
    kind: headers.get('Huisu-Clip-Kind'),
    frames: headers.get('Huisu-Clip-Frames'),
    copied: headers.get('Huisu-Clip-Copied'),
    gaps: headers.get('Huisu-Clip-Gaps'),
    size: length === null ? null : Number(length),
  }
}

/** Read `12.345000-45.678000`; null for anything else. */
export function clipRangeOf(header: string | null): ClipRange | null {
  const [start, end, more] = (header ?? '').split('-').map(Number)
  return start !== undefined && end !== undefined && more === undefined && end > start ? { start, end } : null
}

/**
 * Fetch the clip of `[start, end)`.
 *
 * Raises `Problem` when the archive refuses, and a `TypeError` when the stream breaks: the archive
 * breaks the connection rather than send a clip that it could not finish.
 */
export async function fetchClip(source: ClipSource, range: ClipRange, mode: ClipMode, onProgress: (progress: ClipProgress) => void, signal?: AbortSignal): Promise<Clip> {
  const query = { start: secondsText(range.start), end: secondsText(range.end), mode, ...source.query }
  const response = await send(source.path, { query, signal })
  const facts = clipFactsOf(response.headers, `${source.name}_${range.start.toFixed(3)}-${range.end.toFixed(3)}.mp4`)
  const parts: Uint8Array<ArrayBuffer>[] = []
  let received = 0
  const reader = response.body!.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    parts.push(value)
    received += value.byteLength
    onProgress({ received, size: facts.size })
  }
  if (facts.size !== null && received !== facts.size) throw new TypeError(`${received} of ${facts.size} bytes came`)
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
