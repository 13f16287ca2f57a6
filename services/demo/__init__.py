"""
Fill an archive with an invented police bureau, through the doors that everybody uses.

`plan` says what there is (pure: the same moment gives the same world) · `faults` names what is wrong in
it on purpose; `look` and `check` compare the catalogue with those answers · `footage`, `glyphs` and
`spoil` make the files · `people`, `told` and `docks` bring everybody and everything in · `world` runs
it all beside the server of `huisu up --demo`. Every name and number is fictional.
"""
