"""A comparison, written down."""

import json
import random
from dataclasses import replace
from datetime import date
from typing import Any

from overnight.compare.analysis import Comparison, analyse
from overnight.compare.jsons import comparison_json
from overnight.compare.records import ArmRecord, ArmTrial, DeviceRecord, Pricing
from overnight.compare.text import comparison_lines
from overnight.types import Verdict

from .contests import contest, kept, nights

HOSTILE = "co\x1b[2Jdex | `x`\n# no"


def example() -> Comparison:
    rng = random.Random(4)
    turns = (
        kept(1, "lower depth", gain=0.1, value=0.9, device_s=300.0, agent_s=42.0, cost_usd=0.5),
        ArmTrial(2, Verdict.CRASH, "raise depth", device_s=60.0, cost_usd=None),
    )
    one = ArmRecord(HOSTILE, turns, nights(rng, 0.9), starts={1: 1.0})
    other = ArmRecord("tune", (kept(3, "raise depth to 9"),), nights(rng, 0.95), starts={1: 1.0})
    return analyse(contest(one, other, baseline=nights(rng, 1.0)))


def test_the_text_is_safe_to_print_and_its_tables_are_whole() -> None:
    lines = comparison_lines(example())
    assert all(line.isprintable() for line in lines)
    tables = [line for line in lines if line.startswith("|")]
    assert {line.count("|") for line in tables} == {4}


def test_the_text_says_what_is_known_and_what_is_not() -> None:
    text = "\n".join(comparison_lines(example()))
    assert "| device time | 6m 00s | ? |" in text
    assert "| on what was not kept | 1m 00s | 0.0s |" in text, "all of tune's was kept"
    assert "| money, USD | 0.50 and 1 not known | ? |" in text
    assert "- depth: gain 0.2 in all" in text
    assert "Only by tune:" in text


def test_json_is_json_and_has_the_same() -> None:
    told: dict[str, Any] = comparison_json(example())
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    arm, pair = told["arms"][0], told["pairs"][0]
    assert arm["verdicts"] == {"keep": 1, "crash": 1}
    assert pair["results"]["low"] < pair["results"]["gain"] < pair["results"]["high"]
    assert pair["researchers"]["low"] is None
    assert pair["told_researchers"] is False
    assert told["finds"][0]["arms"] == [HOSTILE, "tune"]
    assert {curve["axis"] for curve in told["curves"]} == {"trials", "device_hours"}
    assert told["conclusions"]


def test_one_arm_alone_is_nothing_to_compare() -> None:
    alone = analyse(contest(ArmRecord("alone", (kept(1, "lower depth"),))))
    assert "- There is nothing to compare." in comparison_lines(alone)


def test_money_is_told_with_whose_prices_and_of_which_days() -> None:
    days = (date(2026, 3, 1), date(2026, 3, 2))
    prices = (Pricing(None, 2, days[0], days[0]), Pricing("genai-prices 0.2.3", 7, *days))
    priced = replace(example(), prices=prices)
    text = "\n".join(comparison_lines(priced))
    assert "Money by the prices of genai-prices 0.2.3: 7 calls from 2026-03-01 to" in text
    assert "Money by prices that the record does not name: 2 calls" in text
    assert comparison_json(priced)["prices"] == [
        {"by": None, "calls": 2, "first": "2026-03-01", "last": "2026-03-01"},
        {"by": "genai-prices 0.2.3", "calls": 7, "first": "2026-03-01", "last": "2026-03-02"},
    ]
    assert "Money by" not in "\n".join(comparison_lines(example()))


def test_devices_are_told_where_there_are_several() -> None:
    one = ArmRecord("one", (kept(1, device="cpu:0"), kept(2, device="cpu:1")))
    other = ArmRecord("other", (kept(3, device="cpu:1"), kept(4)))
    devices = (DeviceRecord("cpu:0", (1.0, 1.2)), DeviceRecord("cpu:1"))
    told = analyse(replace(contest(one, other), devices=devices))
    lines = comparison_lines(told)
    assert "|  | cpu:0 | cpu:1 |" in lines
    assert "| val_bpb of the baseline | 1.1 [-0.1706, 2.371] (2 runs) | ? (0 runs) |" in lines
    assert "| turns of one | 1 | 1 |" in lines
    assert "| turns of other | 0 | 1 |" in lines
    assert comparison_json(told)["devices"]
    alone = analyse(replace(contest(one, other), devices=devices[:1]))
    assert "## Devices" not in comparison_lines(alone)
