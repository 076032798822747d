"""Which arm found more, and what each found: values in, values out.

`records` says what is looked at and `analysis` puts everything together. `arms` and `curves`
look at one arm, `blocks`, `nights` and `between` at what tells arms apart, `discovery` at what
several found; `schedules` says whose turn is next. `text` and `jsons` write it down.
"""
