"""Watch somebody else's log: the witness program, which shares nothing with the archive but the public formats."""
