"""
Know people, programs and units, and decide who may do what.

`rights` is the law (one pure function and its SQL twin); `people`, `tokens` and `units` keep the
accounts; `sessions` logs people in and out; `credentials` turns what a request carries into the
one who asks; `denials` records what was refused.
"""
