import type zh from '../zh-CN/desk'

const desk: typeof zh = {
  clip: {
    title: 'Clip',
    chosen: 'Chosen range',
    chooseFirst: 'Set in and out first: keys I and O, or typed times',
    wouldBe: 'True range would be',
    modes: {
      exact: {
        name: 'Exact clip',
        what: 'Exactly the frames chosen, none more, none less. Its ends may have to be re-encoded; what can be copied is copied, and the result says which.',
        make: 'Make exact clip',
      },
      verbatim: {
        name: 'Verbatim clip',
        what: 'The packets of the original as they are, nothing re-encoded, provable frame by frame. The range grows to whole groups of pictures.',
        make: 'Make verbatim clip',
      },
    },
    sending: 'Receiving the clip: {size}',
    broken: 'The clip did not arrive whole and was dropped. Please try again.',
    done: 'Clip downloaded',
    name: 'File',
    trueRange: 'True range',
    frames: 'Frames (end excluded)',
    kind: 'Made by',
    copied: 'Frames not re-encoded',
    kinds: {
      verbatim: 'Bytes of the original',
      smart: 'Middle from the original, both ends re-encoded',
      encoded: 'Re-encoded throughout',
    },
  },
  flags: {
    dismiss: 'Dismiss',
    restore: 'Restore',
    dismissTitle: 'Dismiss flag: {flag}',
    dismissHint: 'Say why there is nothing in this flag. It stays visible, and the reason is written to the ledger.',
    dismissedBy: 'Dismissed by {by}, {at}:',
    byFile: 'From the file itself',
  },
  quote: {
    citation: 'Recording “{file}” ({id}, SHA-256 {sha256}), frame {frame}, at {position}, clock {clock} (UTC+8), {link}',
    citationWithoutFrame: 'Recording “{file}” ({id}, SHA-256 {sha256}), at {position}, clock {clock} (UTC+8), {link}',
    copied: 'Copied: {text}',
    notCopied: 'The browser does not allow copying; please select it: {text}',
    taking: 'Taking this frame from the original…',
    saved: 'Saved {name}',
  },
}

export default desk
