"""
Huisu (回溯): one program, several processes, on named floors. A file imports only from lower floors.

```
9  cli | up | bench | demo     commands; `up` starts the processes of the embedded archive
8  ingest | api                processes: docks to archive, people to archive
7  bootstrap                   settings become an Archive, the same for every process and for tests
6  settings                    environment and TOML become one frozen object
5  oversight                   spot checks (warnings and findings from a later release)
4  index | accounts            the catalogue; people, tokens, rights
3  custody | jobs              the ledger and its transactions; the jobs table and its leases
2  db | queue                  engine, base, transactions; names of jobs, Celery app
1  media | storage             bytes become facts; objects under keys, kept whole, never changed
0  errors | digest
```

Three lists tell a newcomer everything: `ls ingest/steps` (what happens to footage),
`ls api/actions` (what people do), `custody/events.py` (what is recorded).
"""

__version__ = "0.1.0"
