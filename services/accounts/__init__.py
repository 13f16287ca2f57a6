"""Know people, programs and units, and decide who may do what."""
