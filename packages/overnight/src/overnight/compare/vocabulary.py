"""Words by which descriptions of changes say what they do, and words that say little."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


UP = _words("""
    raise raised increase increased higher larger bigger greater more lengthen extend longer double
    triple quadruple widen wider deepen deeper grow boost enlarge up
""")
DOWN = _words("""
    lower lowered reduce reduced decrease decreased smaller fewer less shorten shorter halve halved
    half cut shrink drop trim narrow narrower shallower down
""")
OTHERWISE = _words("earlier later sooner delay postpone")
ADDS = _words("add enable introduce")
REMOVES = _words("remove disable")
VERBS = (
    ADDS
    | REMOVES
    | _words("""
    adjust anneal apply change fix hold keep let make move ramp replace restore retune revert set
    skip start stop swap switch test try tune tweak turn use
""")
)
FILLING = _words("""
    a again all also an and another at back be bit both by each even every further in into is it its
    just little much new no not of on once only per same slightly the
""")
GENERIC = _words("""
    coeff coefficient count default end factor final frac fraction initial level max min number
    param parameter peak ramp rate ratio scale scaling schedule setting size start step target total
    value gb gib kb kib mb mib ms s sec
""")
"""Nouns that say how much of something there is, and not of what."""
ALIASES = (
    (r"learning[ _-]?rates?", "lr"),
    (r"\bwd\b", "weight decay"),
    (r"warm[ -]down", "warmdown"),
)
