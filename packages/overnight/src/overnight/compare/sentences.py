"""What a comparison says, in words: always with how well it is known, never a bare winner."""

from overnight.brief import one_line
from overnight.compare.analysis import Comparison
from overnight.compare.between import Pair
from overnight.compare.telling import MOST_COUNT, Contrast, needed_probability
from overnight.stats import Estimate

_MOST_NAME_CHARACTERS = 40


def conclusions(comparison: Comparison) -> list[str]:
    """What can be said of every two arms, and what chance alone gives."""
    told = [_chance(comparison)]
    for pair in comparison.pairs:
        told += _of_results(pair)
        told += [_of_researchers(comparison, pair)]
        told += [_of_records(pair)] if pair.results is None else []
    told += [_starts(comparison)]
    return [sentence for sentence in told if sentence] or ["There is nothing to compare."]


def name_text(name: str) -> str:
    """An arm's name, clipped and without control characters."""
    return one_line(name, most_characters=_MOST_NAME_CHARACTERS)


def number_text(value: float | None) -> str:
    """A number with four digits; a question mark for what is not known."""
    return "?" if value is None else f"{value:.4g}"


def estimate_text(estimate: Estimate | None) -> str:
    """A value with its interval of 95 %; a question mark for what is not known."""
    if estimate is None:
        return "?"
    if estimate.high - estimate.low == float("inf"):
        return f"{estimate.value:.4g} [not known]"
    return f"{estimate.value:.4g} [{estimate.low:.4g}, {estimate.high:.4g}]"


def probability_text(probability: float) -> str:
    """A probability in percent that never claims to be certain."""
    if probability > 0.999:
        return "over 99.9 %"
    return "under 0.1 %" if probability < 0.001 else f"{100 * probability:.1f} %"


def _of_results(pair: Pair) -> list[str]:
    """How two results differ as measured again."""
    seen, one, other = pair.results, name_text(pair.one), name_text(pair.other)
    if seen is None:
        return [f"{one} and {other}: their results were not measured again in the same blocks."]
    blocks = f"{seen.count} interleaved block{'' if seen.count == 1 else 's'}"
    if seen.probability is None:
        return [
            f"Results of {one} and {other}: a difference of {seen.value:.4g} in {blocks}; one block"
            " does not say how exact that is."
        ]
    first, second, sure, value = _leading(pair, seen)
    if pair.told_results:
        return [
            f"The result of {first} measured {value} better than that of {second} in {blocks}"
            f" (95 % interval); the probability that it is better is {sure}."
        ]
    return [
        f"The results of {one} and {other} cannot be told apart: {first} measured {value} better"
        f" in {blocks} (95 % interval), and is better with a probability of {sure}, where"
        f" {_asked(pair)} are asked for. {_needed(seen, 'blocks')}"
    ]


def _of_researchers(comparison: Comparison, pair: Pair) -> str:
    """Which one to leave running, as far as the nights tell."""
    seen, one, other = pair.researchers, name_text(pair.one), name_text(pair.other)
    if pair.same:
        return f"{one} and {other} are the same setup: any difference between them is chance."
    if seen is None:
        return ""
    if seen.count < 2:
        return f"{_of_one_night(comparison, one, other)} Repeat it, for three nights each or more."
    first, second, sure, value = _leading(pair, seen)
    nights = f"{seen.count} nights each"
    if pair.told_researchers:
        return (
            f"Over {nights}, {first} came {value} further a night than {second} (95 % interval,"
            f" what nights differ by included); the probability that it is ahead is {sure}."
        )
    return (
        f"Over {nights}, the researchers {one} and {other} cannot be told apart: {first} came"
        f" {value} further a night (95 % interval), and is ahead with a probability of {sure},"
        f" where {_asked(pair)} are asked for. {_needed(seen, 'nights')}"
    )


def _of_one_night(comparison: Comparison, one: str, other: str) -> str:
    found = comparison.chance
    told = f"Which of {one} and {other} to leave running does not follow from a single night"
    if found is None:
        return f"{told}: how far two nights of one researcher differ is not known here."
    return f"{told}: chance alone puts two nights of one researcher up to {found.reach:.4g} apart."


def _leading(pair: Pair, seen: Contrast) -> tuple[str, str, str, str]:
    """Who is ahead of whom, how probably, and by how much, told so that it is positive."""
    ahead = seen.value >= 0
    sign = 1.0 if ahead else -1.0
    names = (pair.one, pair.other) if ahead else (pair.other, pair.one)
    turned = Contrast(sign * seen.value, seen.error, seen.freedom, seen.count)
    sure = probability_text(turned.probability or 0.5)
    return name_text(names[0]), name_text(names[1]), sure, estimate_text(turned.interval())


def _asked(pair: Pair) -> str:
    return probability_text(needed_probability(pair.comparisons))


def _needed(seen: Contrast, what: str) -> str:
    """Whether the budget was enough, and how much would be."""
    least = f"{seen.count} {what} tell a difference of {number_text(seen.smallest)} or more"
    if seen.needed is None:
        return f"{least}; one of this size would take more than {MOST_COUNT:,}."
    return f"{least}; one of this size would take about {max(seen.needed, seen.count + 1)}."


def _of_records(pair: Pair) -> str:
    """What the arms' own records claim, and that it is no more than that."""
    if pair.recorded is None:
        return ""
    ahead, behind = (pair.one, pair.other) if pair.recorded >= 0 else (pair.other, pair.one)
    return (
        f"By their own records {name_text(ahead)} gained {abs(pair.recorded):.4g} more than"
        f" {name_text(behind)}; no interval goes with that, since each value was measured once,"
        " the best of many is lucky, and the machine may have changed in between."
    )


def _starts(comparison: Comparison) -> str:
    starts = comparison.starts
    if starts is None:
        return ""
    counts = "; ".join(
        f"{few} of {many} of {name_text(arm)}" for arm, (few, many) in starts.smaller.items()
    )
    return (
        f"The unchanged start measured up to {starts.gap:.4g} apart from one night to another."
        f" Recorded gains no larger than that: {counts}."
    )


def _chance(comparison: Comparison) -> str:
    """What difference chance alone gives here."""
    found = comparison.chance
    if found is None:
        return ""
    who = ", ".join(map(name_text, found.setups))
    return (
        f"Chance alone: nights of one researcher came up to {found.seen:.4g} apart here"
        f" ({found.nights} nights of {who}); two more would come up to {found.reach:.4g} apart, 95"
        " times in 100."
    )
