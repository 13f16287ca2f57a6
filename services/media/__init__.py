"""
Turn bytes into facts and facts into pictures: no database, no network, no clock of its own.

Reading: `containers` names a file by its magic bytes, `boxes` and its siblings read MP4 and MOV
without any library, `probe` examines a whole recording. Nothing here imports `storage`: a reader
is given `read(offset, length)` or a local file.
"""
