/**
 * Bring a playlist to a `<video>`: wait while it is being made, then hand it to hls.js, or to the
 * browser itself where there are no media source extensions.
 */

import type Hls from 'hls.js'
import { asProblem, Problem, problemOf } from '../../api/http'
import { withViewing } from './joined'

export interface SourceWatcher {
  onWaiting(retryAfter: number): void
  /** `playlist` is its text: it tells what is played. */
  onAttached(playlist: string): void
  onFailed(problem: Problem): void
}

type Library = typeof import('hls.js/light')

const NATIVE_TYPE = 'application/vnd.apple.mpegurl'
const DEFAULT_RETRY_S = 3

/** Say whether this browser can play what the archive makes: H.264 with AAC in fragmented MP4. */
export function canPlay(): boolean {
  const type = 'video/mp4; codecs="avc1.42E01E,mp4a.40.2"'
  if (typeof MediaSource !== 'undefined' && MediaSource.isTypeSupported(type)) return true
  return document.createElement('video').canPlayType(NATIVE_TYPE) !== ''
}

export interface Source {
  readonly playlist: string
  readonly startAt: number | null
  readonly reason?: string
}

/** Attach a playlist to `video`, to begin at `startAt` seconds; the returned function ends it. */
export function attach(video: HTMLVideoElement, source: Source, watcher: SourceWatcher): () => void {
  const ending = new AbortController()
  let hls: Hls | null = null
  const start = async (): Promise<void> => {
    const library = import('hls.js/light') // it comes while the playlist is asked for
    library.catch(() => undefined) // told when it is used
    const text = await waitUntilReady(source, watcher, ending.signal)
    if (text === null) return
    hls = attachNow(await library, video, source, watcher)
    if (ending.signal.aborted) hls?.destroy()
    else watcher.onAttached(text)
  }
  start().catch((error: unknown) => {
    if (!ending.signal.aborted) watcher.onFailed(asProblem(error))
  })
  return () => {
    ending.abort()
    hls?.destroy()
    video.removeAttribute('src')
    video.load()
  }
}

async function waitUntilReady(source: Source, watcher: SourceWatcher, signal: AbortSignal): Promise<string | null> {
  while (!signal.aborted) {
    const response = await fetch(source.playlist, { credentials: 'same-origin', signal, headers: reasonHeader(source) })
    if (response.ok) return response.text()
    const problem = await problemOf(response)
    if (problem.code !== 'not-ready') throw problem
    const retryAfter = Math.min(30, Math.max(1, problem.retryAfter ?? DEFAULT_RETRY_S))
    watcher.onWaiting(retryAfter)
    await pause(retryAfter * 1000, signal)
  }
  return null
}

function attachNow(library: Library, video: HTMLVideoElement, source: Source, watcher: SourceWatcher): Hls | null {
  const { playlist, startAt } = source
  const { default: HlsLight } = library
  if (!HlsLight.isSupported()) {
    video.src = playlist
    return null
  }
  const viewing = new URL(playlist, location.href).searchParams.get('viewing')
  const hls = new HlsLight({
    enableWorker: true,
    backBufferLength: 60,
    maxBufferLength: 30,
    startPosition: startAt ?? -1, // nothing before it is fetched
    xhrSetup: (request, url) => {
      request.open('GET', withViewing(url, location.href, viewing), true)
      for (const [name, value] of Object.entries(reasonHeader(source))) request.setRequestHeader(name, value)
    },
  })
  let recovered = false
  hls.on(HlsLight.Events.ERROR, (_event, data) => {
    if (!data.fatal) return
    if (data.type === HlsLight.ErrorTypes.MEDIA_ERROR && !recovered) {
      recovered = true
      hls.recoverMediaError()
      return
    }
    watcher.onFailed(new Problem('unexpected', data.response?.code ?? 0, `${data.type}: ${data.details}`))
  })
  hls.loadSource(playlist)
  hls.attachMedia(video)
  return hls
}

/** Source: contract.md, `X-Access-Reason`: UTF-8, percent-encoded. */
function reasonHeader({ reason }: Source): Record<string, string> {
  return reason ? { 'X-Access-Reason': encodeURIComponent(reason) } : {}
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = window.setTimeout(resolve, milliseconds)
    signal.addEventListener('abort', () => {
      window.clearTimeout(timer)
      resolve()
    })
  })
}
