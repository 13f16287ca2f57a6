"""
Watch over the work of others so that a stranger can repeat it: spot checks that nobody could steer.

Pure: `filters` (what may be drawn), `tickets` (the frozen population), `seeds` (what fixes the chance), `draw`
(who is drawn), `replay` (a draw from its proof alone), `bounds` (how many, and what the result says), `scorecards`.
With the database: `population`, `spotchecks`, `items`, `views`.
"""
