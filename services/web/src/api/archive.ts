/** Everything that the pages ask of the archive, one verb a function. */

import { secondsText } from '../words/seconds'
import { address, ask, send } from './http'
import type {
  CaseFile,
  CaseSummary,
  Credentials,
  HistoryLine,
  LinkProposal,
  Page,
  Peaks,
  Person,
  Recording,
  RecordingFacts,
  RecordingFilter,
  Timeline,
  Upload,
  ViewingPurpose,
} from './types'

const PAGE_SIZE = 50

export const whoAmI = (): Promise<Person> => ask('/me')
export const logIn = (credentials: Credentials): Promise<Person> => ask('/login', { method: 'POST', body: credentials })
export const logOut = (): Promise<void> => ask('/logout', { method: 'POST' })

export const listUploads = (state: string, cursor?: string): Promise<Page<Upload>> =>
  ask('/uploads', { query: { limit: PAGE_SIZE, state, cursor } })

export const searchCases = (q: string, cursor?: string): Promise<Page<CaseSummary>> =>
  ask('/cases', { query: { q, limit: PAGE_SIZE, cursor } })
export const openCase = (number: string): Promise<CaseFile> => ask(`/cases/${encodeURIComponent(number)}`)
export const listCaseRecordings = (number: string, cursor?: string): Promise<Page<Recording>> =>
  ask(`/cases/${encodeURIComponent(number)}/recordings`, { query: { limit: 200, cursor } })
export const readTimeline = (number: string): Promise<Timeline> => ask(`/cases/${encodeURIComponent(number)}/timeline`)

export const listRecordings = (filter: RecordingFilter, cursor?: string): Promise<Page<Recording>> =>
  ask('/recordings', { query: { ...filter, limit: PAGE_SIZE, cursor } })
export const openRecording = (id: string): Promise<RecordingFacts> => ask(`/recordings/${id}`)
export const readHistory = (id: string, cursor?: string, limit = PAGE_SIZE): Promise<Page<HistoryLine>> =>
  ask(`/recordings/${id}/history`, { query: { limit, cursor } })
export const readPeaks = (id: string, viewing: string): Promise<Peaks> => ask(`/recordings/${id}/peaks`, { query: { viewing } })

/** Open a viewing: the committed look of this person at one recording. Raises `Problem` `reason-required` when a reason must be given. */
export const startViewing = (id: string, purpose: ViewingPurpose): Promise<{ id: string }> =>
  ask(`/recordings/${id}/viewings`, { method: 'POST', body: purpose })
/** Tell which ranges were watched; `ended` closes the viewing and may outlive the page. */
export function reportWatched(id: string, viewing: string, watched: readonly (readonly [number, number])[], ended: boolean): Promise<unknown> {
  const telling = send(`/recordings/${id}/viewings/${viewing}`, { method: 'PATCH', body: ended ? { watched, ended } : { watched }, keepalive: ended })
  if (!ended) return telling
  const done = telling.finally(() => endings.delete(done))
  endings.add(done)
  return done
}

const endings = new Set<Promise<unknown>>()

/** Wait until looks that were ended have ended: a request without a look of its own would join one that is about to. */
export const looksEnded = (): Promise<unknown> => Promise.allSettled([...endings])

export const listProposals = (cursor?: string): Promise<Page<LinkProposal>> => ask('/link-proposals', { query: { limit: PAGE_SIZE, cursor } })
export const decideProposal = (id: string, verdict: 'confirm' | 'reject', reason: string): Promise<unknown> =>
  ask(`/link-proposals/${id}/${verdict}`, { method: 'POST', body: reason ? { reason } : {} })

export const posterAddress = (id: string): string => address(`/recordings/${id}/poster`)

/** Which pictures are played: the original's own, or those of a copy. Absent: the archive chooses. */
export type PlayedRendition = 'original' | 'proxy' | 'recovered'
/** `start` makes the first segments after it short, so that the picture comes at once. */
export const playlistAddress = (id: string, viewing: string, rendition?: PlayedRendition | null, start?: number | null): string =>
  address(`/recordings/${id}/hls/index.m3u8`, { viewing, rendition, start: start ? secondsText(start) : null })
export const storyboardAddress = (id: string, viewing: string): string => address(`/recordings/${id}/thumbnails.vtt`, { viewing })
export const originalAddress = (id: string, viewing: string): string => address(`/recordings/${id}/original`, { viewing })
export const UPLOADS_ADDRESS = address('/uploads')
