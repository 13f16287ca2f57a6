"""
What people do, one verb a file. An action knows no HTTP: it checks rights, decides, changes, records, commits.

Nothing that shows footage is given before the entry that says who looks is durable (`look`, `preview`).
"""
