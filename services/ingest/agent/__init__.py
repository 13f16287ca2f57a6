"""
Be the dock's side of the archive's door: find footage, send it with resume, wait until it is verified.

`walk` finds files and their sidecars · `watch` notices new ones · `steady` reads a file and notices change ·
`journal` remembers uploads across restarts · `transfer` speaks tus 1.0.0 · `patience` waits between attempts ·
`carry` brings one file across · `follow` waits for `verified` · `send` runs them all · `progress` shows it ·
`command` is the CLI. Nothing here deletes footage or writes beside it.
"""
