"""Does a night still serve its objective? Pure functions over the harness's own record.

`facts` says what is looked at, `signals` has one module for each kind of drift, `evidence` says
what their symptoms prove, `score` puts it together, `responses` decides what is done about it.
`judge` asks a language model for a vote, where a study wants one.
"""
