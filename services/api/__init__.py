"""
Serve people and programs over HTTP, and the pages.

`registry` is the table of routes with the action that each needs; `admission` asks who calls and
whether they may, before anything is read; `problems` says no in one form; `edge` guards the border.
A route parses, calls one action (`actions/`, which know no HTTP) or one read of the catalogue, and
shapes the answer. Routes are listed in `routes/__init__.py`.
"""
