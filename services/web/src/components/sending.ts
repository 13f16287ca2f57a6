/** Send files to the archive over tus, resumable after a break or a closed page. */

import { reactive } from 'vue'
import { Upload as TusUpload } from 'tus-js-client'
import { UPLOADS_ADDRESS } from '../api/archive'
import { getCsrfToken, Problem } from '../api/http'

export type SendingState = 'waiting' | 'sending' | 'paused' | 'sent' | 'failed'

export interface Sending {
  readonly file: File
  state: SendingState
  sent: number
  problem: Problem | null
}

export type Declaration = Readonly<Partial<Record<'kind' | 'case' | 'incident' | 'device' | 'officer', string>>>

const AT_ONCE = 2
const RETRY_DELAYS_MS = [0, 1_000, 3_000, 10_000, 30_000]

/** Keep one file's sending; `whenDone` is called once when it has been sent or has failed. */
class Sender {
  readonly sending: Sending
  private readonly upload: TusUpload

  constructor(
    file: File,
    declared: Declaration,
    private readonly whenDone: () => void,
  ) {
    this.sending = reactive<Sending>({ file, state: 'waiting', sent: 0, problem: null })
    this.upload = new TusUpload(file, {
      endpoint: UPLOADS_ADDRESS,
      metadata: metadataOf(file, declared),
      retryDelays: RETRY_DELAYS_MS,
      removeFingerprintOnSuccess: true,
      onBeforeRequest: (request) => request.setHeader('X-CSRF-Token', getCsrfToken()),
      onProgress: (sent) => (this.sending.sent = sent),
      onSuccess: () => this.end('sent', null),
      onError: (error) => this.end('failed', problemOf(error)),
    })
  }

  async start(): Promise<void> {
    this.sending.state = 'sending'
    this.sending.problem = null
    const [earlier] = await this.upload.findPreviousUploads()
    if (earlier) this.upload.resumeFromPreviousUpload(earlier)
    this.upload.start()
  }

  async pause(): Promise<void> {
    await this.upload.abort()
    this.sending.state = 'paused'
    this.whenDone()
  }

  private end(state: SendingState, problem: Problem | null): void {
    this.sending.state = state
    this.sending.problem = problem
    this.whenDone()
  }
}

/** A list of files sent two at a time, in the order chosen. */
export class Outbox {
  readonly list: Sending[] = reactive([])
  private readonly senders: Sender[] = []

  constructor(private readonly onSent: () => void) {}

  add(files: readonly File[], declared: Declaration): void {
    for (const file of files) {
      const sender = new Sender(file, declared, () => this.next())
      this.senders.push(sender)
      this.list.push(sender.sending)
    }
    this.next()
  }

  pause(index: number): void {
    void this.senders[index]?.pause()
  }

  resume(index: number): void {
    const sender = this.senders[index]
    if (!sender) return
    sender.sending.state = 'waiting'
    this.next()
  }

  private next(): void {
    const busy = this.senders.filter((sender) => sender.sending.state === 'sending').length
    const waiting = this.senders.filter((sender) => sender.sending.state === 'waiting')
    for (const sender of waiting.slice(0, Math.max(0, AT_ONCE - busy))) void sender.start()
    this.onSent()
  }
}

/** Write what the archive asks to be told of a file; empty fields are left out. */
export function metadataOf(file: Pick<File, 'name' | 'type' | 'lastModified'>, declared: Declaration): Record<string, string> {
  const all = { filename: file.name, filetype: file.type, file_mtime: new Date(file.lastModified).toISOString(), ...declared }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined && value.trim() !== '')) as Record<string, string>
}

function problemOf(error: Error): Problem {
  const answer = (error as { originalResponse?: { getStatus(): number; getBody(): string } | null }).originalResponse
  if (!answer) return new Problem('network', 0, '')
  try {
    const body = JSON.parse(answer.getBody()) as { code?: string; detail?: string }
    if (body.code) return new Problem(body.code, answer.getStatus(), body.detail ?? '')
  } catch {
    // not a problem document: tell the status
  }
  return new Problem('unexpected', answer.getStatus(), `HTTP ${answer.getStatus()}`)
}
