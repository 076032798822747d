"""The rows that codex-autoresearch-harness printed of its two nights.

Facts, as they stand in the README of https://github.com/SarahXC/codex-autoresearch-harness at
fcb5716: value, gigabytes, status and description. It says that 53 trials made the first and 57 the
second table; these are the accepted ones and one discarded, the second table short of one.
"""

from collections.abc import Sequence

GPT54 = [
    ("1.033848", "44.0", "keep", "baseline"),
    ("1.038355", "44.0", "discard", "add 5% LR warmup"),
    ("1.032859", "44.0", "keep", "keep 10% LR floor during warmdown"),
    ("1.032669", "44.0", "keep", "start warmdown later"),
    ("1.032250", "44.0", "keep", "delay warmdown slightly again"),
    ("1.031680", "44.0", "keep", "raise final LR floor to 15%"),
    ("1.029337", "44.0", "keep", "shorten warmdown slightly"),
    ("1.022395", "39.2", "keep", "reduce depth to 7"),
    ("1.013308", "39.1", "keep", "halve total batch size to double update frequency"),
    ("1.011270", "19.8", "keep", "halve total batch with 0.7x LRs and smaller device batch"),
    ("1.010736", "19.8", "keep", "lower LR scale for smaller batch"),
    ("1.010230", "19.8", "keep", "lower LR scale another 10%"),
    ("1.010159", "19.8", "keep", "lower LR scale another 10% again"),
    ("1.009999", "19.8", "keep", "lower LR scale another 10% once more"),
    ("1.009684", "19.8", "keep", "lengthen warmdown to 35%"),
    ("1.009426", "19.8", "keep", "lengthen warmdown to 37.5%"),
    ("1.009307", "19.8", "keep", "lengthen warmdown to 40%"),
    ("1.009076", "19.8", "keep", "lengthen warmdown to 42.5%"),
    ("1.008841", "19.8", "keep", "lengthen warmdown to 45%"),
    ("1.008487", "19.8", "keep", "lower Muon weight decay to 0.15 with small batch"),
    ("1.008364", "19.8", "keep", "lower Muon weight decay to 0.10"),
]
SPARK = [
    ("1.040068", "44.0", "keep", "baseline"),
    ("1.038591", "44.0", "keep", "shorten LR warmdown ratio 0.5->0.2"),
    ("1.038025", "44.0", "keep", "extend LR warmdown ratio 0.2->0.25"),
    ("1.037462", "44.0", "keep", "extend LR warmdown ratio 0.25->0.30"),
    ("1.031333", "44.0", "keep", "tune warmdown ratio 0.30->0.29"),
    ("1.030539", "44.0", "keep", "ramp Muon momentum to 0.95 over 200 steps"),
    ("1.030434", "44.0", "keep", "tune Muon momentum ramp target 0.95->0.94"),
    ("1.030148", "44.0", "keep", "lower Muon momentum ramp start 0.85->0.83"),
]


def table(rows: Sequence[Sequence[str]]) -> bytes:
    """As a ``results.tsv``; commits are made up, but for the first."""
    lines = ["commit\tval_bpb\tmemory_gb\tstatus\tdescription"]
    lines += ["\t".join((f"{place or 0xC2450AD:07x}", *row)) for place, row in enumerate(rows)]
    return ("\n".join(lines) + "\n").encode()
