"""
Take recordings in: from a dock's first byte to a catalogued, linked and playable recording.

`register` draws what the dock's door needs of the archive; `shelf`, `append` and `staging` keep
arriving bytes on the gate's disk; `tus` speaks the protocol over them: `tus_headers` reads what a
client says, `tus_turns` lets one request at a time touch an upload, `tus_body` carries a body to
the disk, `tus_answers` says no.
"""
