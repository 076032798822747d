"""Which family a configuration is of; strangers' families join by an entry point."""

from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points

from expertswap.errors import CheckpointError, NotMixtureOfExperts, UnknownFamily
from expertswap.families import (
    deepseek_v3,
    ernie4_5_moe,
    glm4_moe,
    gpt_oss,
    minimax_m2,
    mixtral,
    olmoe,
    qwen2_moe,
    qwen3_5_moe,
    qwen3_moe,
    qwen3_next,
)
from expertswap.families.base import Config, Family, text_config

ENTRY_POINTS = "expertswap.families"

_OURS: tuple[Family, ...] = (
    deepseek_v3.FAMILY,
    ernie4_5_moe.FAMILY,
    glm4_moe.FAMILY,
    gpt_oss.FAMILY,
    minimax_m2.FAMILY,
    mixtral.FAMILY,
    olmoe.FAMILY,
    qwen2_moe.FAMILY,
    qwen3_5_moe.FAMILY,
    qwen3_moe.FAMILY,
    qwen3_next.FAMILY,
)


def family_of(config: Config) -> Family:
    """The family that knows a model.

    Args:
        config: What ``config.json`` holds.

    Raises:
        NotMixtureOfExperts: The model has no experts.
        UnknownFamily: It has, and no family knows it.
        CheckpointError: The configuration does not say of what type the model is.
    """
    model_type = config.get("model_type")
    if not isinstance(model_type, str):
        raise CheckpointError("The model's configuration has no `model_type`.")
    families = _families()
    if family := families.get(model_type):
        return family
    if not any("expert" in key for key in text_config(config)):
        raise NotMixtureOfExperts(
            f"This {model_type} model has no routed experts: its configuration counts none."
        )
    raise UnknownFamily(
        f"No family knows the names of a {model_type} model's experts"
        f" (known: {', '.join(sorted(families))}).",
        fix="Describe them in a `PatternFamily`, name it in an entry point of the group"
        f" `{ENTRY_POINTS}`, and run `expertswap.testing.family_contract` on it.",
    )


@cache
def _families() -> dict[str, Family]:
    return {
        model_type: family
        for family in (*_OURS, *_strangers())
        for model_type in family.model_types
    }


def _strangers() -> Iterator[Family]:
    for entry_point in entry_points(group=ENTRY_POINTS):
        try:
            yield entry_point.load()
        except Exception as error:
            raise UnknownFamily(
                f"The family {entry_point.name} ({entry_point.value}) cannot be loaded: {error}."
            ) from error
