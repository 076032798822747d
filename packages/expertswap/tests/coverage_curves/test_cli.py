import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from expertswap.cli.main import app
from expertswap.errors import ObservationError, OutputError
from expertswap.observation import Observation, load_observation, save_observation
from expertswap.types import ModelIdentity, MoeShape

L, E = 3, 16


def save_seen(path: Path, *domains: str, fingerprint: str = "abc") -> Path:
    rng, D = np.random.default_rng(len(domains)), len(domains)
    sums = rng.random((D, L, E))
    shape = MoeShape("qwen3_moe", (0, 1, 2), E, 2, 8, 4)
    seen = Observation(
        model=ModelIdentity("tiny", fingerprint, shape),
        domains=domains,
        tokens_D=np.full(D, 100),
        count_DLE=rng.zipf(1.5, (D, L, E)).clip(max=50),
        gate_sum_DLE=sums,
        norm_sum_DLE=sums,
        gated_norm_sum_DLE=sums,
        max_activation_LE=sums[0].astype(np.float32),
        coactivation_LEE=np.zeros((L, E, E), np.int64),
    )
    save_observation(seen, path)
    return path


def test_a_table_by_layer_and_by_domain(tmp_path: Path) -> None:
    seen = save_seen(tmp_path / "seen.safetensors", "code", "prose")
    table = CliRunner().invoke(app, ["coverage", str(seen)]).output
    assert re.findall(r"layer \d|all", table) == ["layer 0", "layer 1", "layer 2", "all"]
    table = CliRunner().invoke(app, ["coverage", str(seen), "--by-domain"]).output
    assert re.findall(r"code|prose|all", table) == ["code", "prose", "all"]


def test_pictures(tmp_path: Path) -> None:
    seen = save_seen(tmp_path / "seen.safetensors", "code", "prose")
    png, html = tmp_path / "coverage.png", tmp_path / "coverage.html"
    command = ["coverage", str(seen), "--png", str(png), "--html", str(html)]
    assert CliRunner().invoke(app, command).exit_code == 0
    assert png.read_bytes().startswith(b"\x89PNG")
    page = html.read_text(encoding="utf-8")
    assert "of the experts carry half of the traffic" in page
    assert not re.search(r"<(script|link)[^>]+(src|href)=", page), "it loads something"
    again = CliRunner().invoke(app, command)
    assert isinstance(again.exception, OutputError)
    assert {path.name for path in tmp_path.iterdir()} == {seen.name, png.name, html.name}


def test_shards_are_merged(tmp_path: Path) -> None:
    shards = [save_seen(tmp_path / name, name) for name in ("a", "b")]
    out = tmp_path / "all.safetensors"
    command = ["merge", *map(str, shards), "--out", str(out)]
    assert CliRunner().invoke(app, command).output == f"{out}\n"
    assert load_observation(out).domains == ("a", "b")
    assert isinstance(CliRunner().invoke(app, command).exception, OutputError)


def test_another_models_shard_is_not_merged(tmp_path: Path) -> None:
    one = save_seen(tmp_path / "one", "code")
    other = save_seen(tmp_path / "other", "code", fingerprint="xyz")
    command = ["merge", str(one), str(other), "--out", str(tmp_path / "out")]
    with pytest.raises(ObservationError, match="two models"):
        CliRunner().invoke(app, command, catch_exceptions=False)
    assert not (tmp_path / "out").exists()
