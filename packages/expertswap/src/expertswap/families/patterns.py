"""A family told by data: where its tensors stand, what they are called, where its sizes are."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from expertswap.errors import CheckpointError, NotMixtureOfExperts
from expertswap.families.base import Config, ExpertTensor, Role, StackedTensor, text_config
from expertswap.types import MoeShape

GATE_UP_DOWN = {"gate_proj": "gate", "up_proj": "up", "down_proj": "down"}
W1_W2_W3 = {"w1": "gate", "w3": "up", "w2": "down"}
FUSED_GATE_UP = {"gate_up_proj": "gate_up", "down_proj": "down"}
_NUMBER = "0|[1-9][0-9]*"


def _check_size(config: Config, key: str) -> int:
    """A size that the configuration must have."""
    size = config.get(key)
    if not isinstance(size, int) or size < 1:
        raise CheckpointError(f"The model's configuration has no sound `{key}`: {size!r}.")
    return size


def every_layer(config: Config) -> Iterable[int]:
    """All decoder layers have experts."""
    return range(config["num_hidden_layers"])


def after_dense_layers(config: Config) -> Iterable[int]:
    """The first layers are dense (DeepSeek)."""
    return range(config.get("first_k_dense_replace") or 0, config["num_hidden_layers"])


def sparse_steps(config: Config) -> Iterable[int]:
    """Every so many layers, but for a list of dense ones (Qwen)."""
    dense = set(config.get("mlp_only_layers") or ())
    step = config.get("decoder_sparse_step") or 1
    return (
        layer
        for layer in range(config["num_hidden_layers"])
        if layer not in dense and (layer + 1) % step == 0
    )


@dataclass(frozen=True)
class PatternFamily:
    """A family whose experts' names follow patterns.

    Args:
        model_types: The values of ``model_type`` that it answers for.
        decoders: Paths of the list of decoder layers, as ``model.layers``.
        block: Name of the block that holds router and experts, inside a layer.
        projections: Foreign names of one expert's projections, with ours.
        fused: Foreign names of the tensors that hold a projection of all experts, with ours.
        router: Names of the tensors with one row per expert that score them, inside the block.
        router_bias: The same for biases, with the axis along which the experts stand.
        moe_layers: The layers with experts, told by the configuration.
        expert_counts: Keys of the configuration that give the number of experts; the first is the
            published one, which vLLM reads too, and is always written.
        top_k: Key of the number of experts per token.
        expert_width: Key of the width of an expert.
        draft_modules: Paths of modules of draft layers, as ``mtp``.
        draft_counts: Keys that give the number of draft layers.
    """

    model_types: tuple[str, ...]
    decoders: tuple[str, ...] = ("model.layers",)
    block: str = "mlp"
    projections: Mapping[str, str] = field(default_factory=lambda: GATE_UP_DOWN)
    fused: Mapping[str, str] = field(default_factory=dict)
    router: tuple[str, ...] = ("gate.weight",)
    router_bias: Mapping[str, int] = field(default_factory=dict)
    moe_layers: Callable[[Config], Iterable[int]] = every_layer
    expert_counts: tuple[str, ...] = ("num_experts", "num_local_experts")
    top_k: str = "num_experts_per_tok"
    expert_width: str = "moe_intermediate_size"
    draft_modules: tuple[str, ...] = ()
    draft_counts: tuple[str, ...] = ()

    def shape(self, config: Config) -> MoeShape:
        """The model's sizes; see ``Family``."""
        text = text_config(config)
        counts = [key for key in self.expert_counts if text.get(key)]
        if not counts:
            raise NotMixtureOfExperts(
                f"This {config['model_type']} model has no routed experts: its configuration has"
                f" none of {', '.join(self.expert_counts)}."
            )
        _check_size(text, "num_hidden_layers")
        shape = MoeShape(
            family=config["model_type"],
            moe_layers=tuple(self.moe_layers(text)),
            num_experts=_check_size(text, counts[0]),
            top_k=_check_size(text, self.top_k),
            hidden_size=_check_size(text, "hidden_size"),
            expert_width=_check_size(text, self.expert_width),
            num_groups=text.get("n_group") or 1,
        )
        if not shape.moe_layers:
            raise NotMixtureOfExperts(f"All layers of this {shape.family} model are dense.")
        return shape

    def groups_per_token(self, config: Config) -> int:
        """Of ``num_groups`` groups of experts, how many a token may use."""
        return text_config(config).get("topk_group") or 1

    def locate(self, name: str) -> ExpertTensor | StackedTensor | None:
        """What the tensor ``name`` has to do with experts; see ``Family``."""
        found = self._in_block.match(name)
        if found is None:
            return None
        layer, inside = int(found["layer"]), name[found.end() :]
        if inside in self.router:
            return StackedTensor(layer, Role.ROUTER, expert_axis=0)
        if inside in self.router_bias:
            axis = self.router_bias[inside]
            return StackedTensor(layer, Role.ROUTER_BIAS, expert_axis=axis, parameter="bias")
        if single := self._single.fullmatch(inside):
            start = found.end() + single.start("expert")
            return ExpertTensor(
                layer=layer,
                expert=int(single["expert"]),
                projection=self.projections[single["projection"]],
                template=f"{name[:start]}{{expert}}{name[start + len(single['expert']) :]}",
                parameter=single["parameter"],
            )
        if fused := self._fused.fullmatch(inside):
            projection = self.fused[fused["projection"]]
            parameter = fused["parameter"] or "weight"
            return StackedTensor(layer, Role.EXPERT, 0, projection, parameter)
        return None

    def expert_name(self, fused: str, *, expert: int, projection: str) -> str | None:
        """What a fused tensor's part would be called, were experts stored one by one."""
        block = self._in_block.match(fused)
        theirs = {ours: name for name, ours in self.projections.items()}.get(projection)
        return f"{block.group()}experts.{expert}.{theirs}.weight" if block and theirs else None

    def layer_of(self, name: str) -> int | None:
        """The decoder layer of a tensor; None for embeddings, final norm and head."""
        found = self._in_layer.match(name)
        return int(found["layer"]) if found else None

    def drafts(self, name: str, config: Config) -> bool:
        """Whether the tensor is of layers that only predict further tokens; see ``Family``."""
        if name.startswith(tuple(f"{module}." for module in self.draft_modules)):
            return True
        layer = self.layer_of(name)
        return layer is not None and layer >= text_config(config)["num_hidden_layers"]

    def with_experts(self, config: Config, num_experts: int) -> dict[str, Any]:
        """The configuration with fewer experts and no draft layers; see ``Family``."""
        values = dict.fromkeys(self.expert_counts, num_experts)
        values |= dict.fromkeys(self.draft_counts, 0)
        changed = _rewritten(config, values)
        text = changed["text_config"] if text_config(config) is not config else changed
        text[self.expert_counts[0]] = num_experts
        return changed

    @cached_property
    def _in_layer(self) -> re.Pattern[str]:
        decoders = "|".join(re.escape(path) for path in self.decoders)
        return re.compile(rf"(?:{decoders})\.(?P<layer>{_NUMBER})\.")

    @cached_property
    def _in_block(self) -> re.Pattern[str]:
        return re.compile(rf"{self._in_layer.pattern}{re.escape(self.block)}\.")

    @cached_property
    def _single(self) -> re.Pattern[str]:
        names = "|".join(map(re.escape, self.projections))
        return re.compile(
            rf"experts\.(?P<expert>{_NUMBER})\.(?P<projection>{names})\.(?P<parameter>[\w.]+)"
        )

    @cached_property
    def _fused(self) -> re.Pattern[str]:
        names = "|".join(map(re.escape, self.fused)) or "(?!)"
        return re.compile(rf"experts\.(?P<projection>{names})(?:[._](?P<parameter>\w+))?")


def _rewritten(config: Config, values: Mapping[str, int]) -> dict[str, Any]:
    """The configuration with new values for those of the keys that it has, nested ones too."""

    def new(key: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return _rewritten(value, values)
        if key not in values or value is None:
            return value
        return [values[key]] * len(value) if isinstance(value, list) else values[key]

    return {key: new(key, value) for key, value in config.items()}
