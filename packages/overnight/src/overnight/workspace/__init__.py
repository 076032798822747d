"""The only callers of git: the study's repository, and the trees that trials work in."""
