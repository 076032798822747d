import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "expertswap",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],  # other jobs may have the processor
)
settings.load_profile("expertswap")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

TinyCheckpoints = Callable[[str], Path]


@pytest.fixture(scope="session")
def tiny_checkpoints(tmp_path_factory: pytest.TempPathFactory) -> TinyCheckpoints:
    """Tiny models by model type in several shards, each built when first asked for; read only."""
    from transformers import logging  # noqa: PLC0415 - seconds, and few tests want a model

    from expertswap.testing.tiny_models import tiny_checkpoint  # noqa: PLC0415 - the same

    logging.set_verbosity_error()  # type: ignore[no-untyped-call] # transformers
    logging.disable_progress_bar()  # type: ignore[no-untyped-call] # transformers
    root, made = tmp_path_factory.mktemp("tiny"), dict[str, Path]()

    def checkpoint(model_type: str) -> Path:
        if model_type not in made:
            path = root / model_type
            made[model_type] = tiny_checkpoint(model_type, path, max_shard_bytes=40_000)
        return made[model_type]

    return checkpoint


@pytest.fixture(scope="session")
def tiny_qwen3(tiny_checkpoints: TinyCheckpoints) -> Path:
    """A qwen3_moe model of two layers with eight experts each, two per token; read only."""
    return tiny_checkpoints("qwen3_moe")
