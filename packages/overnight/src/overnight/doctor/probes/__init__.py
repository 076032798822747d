"""Small programs that the doctor runs inside a sandbox, on the standard library alone.

Each prints what it found as one line of JSON, its last. They import nothing of ours and run on
whatever Python is there.
"""
