"""Nights of other tools as arms of a comparison: bytes in, values and notes out.

`files` opens a log and finds out whose it is; `results_tsv` with `timing_log`, `labloop` and
`pi_autoresearch` read one format each; `rows` makes arms of what they read.
"""
