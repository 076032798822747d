import pytest

from overnight.researchers.tune.constants import survey
from overnight.researchers.tune.space import Dial, NotTunable, Options, dial


def dial_of(line: str, **options: object) -> Dial:
    (constant,) = survey(f"{line}\n".encode()).constants
    return dial(constant.name, constant, Options.model_validate(options))


@pytest.mark.parametrize(
    ("line", "down", "up"),
    [
        ("LEARNING_RATE = 1e-3", 3e-4, 3e-3),
        ("BATCH_SIZE = 64", 32, 128),
        ("TOTAL_BATCH = 2**19", 2**18, 2**20),
        ("HEADS = 4", 2, 8),
        ("LAYERS = 1", None, 2),
        ("BETA2 = 0.99", 0.98, 0.995),
        ("WEIGHT_DECAY = 0.0", None, 0.02),
        ("WARMUP = 0.0", None, 0.05),
        ("WARMDOWN = 0.0", None, 0.1),
        ("DROPOUT = 0.1", 0.025, 0.25),
        ("ADAM_EPS = 1e-8", 1e-9, 1e-7),
        ("CLIP = 1.0", 0.5, 2.0),
        ("BIAS = -1.5", -3.0, -0.8),
        ("TEMPER = 0", None, 1),
    ],
)
def test_one_step_each_way(line: str, down: object, up: object) -> None:
    found = dial_of(line)
    (constant,) = survey(line.encode()).constants
    assert found.stepped(constant.value, direction=-1, strides=1) == down
    assert found.stepped(constant.value, direction=1, strides=1) == up


def test_ranges_surround_the_value() -> None:
    rates = dial_of("LEARNING_RATE = 1e-3").rungs
    assert (rates[0], rates[-1]) == (0.00015, 0.008)
    assert dial_of("WIDTH = 64").rungs == (16, 32, 48, 64, 96, 128, 192, 256)
    assert dial_of("BETA2 = 0.99").rungs[-1] == 0.9985
    assert dial_of("DROPOUT = 0.0").rungs[0] == 0.0


@pytest.mark.parametrize(
    ("line", "rungs"),
    [
        ('ACTIVATION = "relu"  # relu, gelu or tanh', ("relu", "gelu", "tanh")),
        ('ACTIVATION = "tanh"  # one of relu, silu, tanh', ("tanh", "relu", "silu")),
        ("NORM = 'layer'  # one of: 'layer' | 'rms' (faster)", ("layer", "rms")),
        ("MODE = 'a'  # a/b; a is what the paper has", ("a", "b")),
        ("EXPANSION = 2  # 1, 2 or 4", (1, 2, 4)),
        ("TIED = True  # anything", (False, True)),
    ],
)
def test_choices_come_from_comments(line: str, rungs: tuple[object, ...]) -> None:
    assert dial_of(line).rungs == rungs


@pytest.mark.parametrize(
    "line",
    [
        "SEED = 1",
        "EVAL_EVERY = 10",
        "VOCAB_SIZE = 256",
        "__version__ = '1'",
        "DEVICE = 'cuda'",
        "OPTIMIZER = 'adamw'",
        "OPTIMIZER = 'adamw'  # adamw, as in the paper",
        "TIME_BUDGET_S = 5.0",
    ],
)
def test_what_is_no_setting_of_the_method_is_left_alone(line: str) -> None:
    with pytest.raises(NotTunable):
        dial_of(line)


def test_the_study_has_the_last_word() -> None:
    assert dial_of("SEED = 1", include=["SEED"]).rungs
    assert dial_of("RATE = 1.0", ranges={"RATE": [0.5, 2]}).rungs[0] == 0.5
    assert dial_of("DEPTH = 4", ranges={"DEPTH": [2, 6]}).rungs == (2, 3, 4, 5, 6)
    assert dial_of("SHIFT = 0.0", ranges={"SHIFT": [-1, 1]}).rungs[0] == -1
    assert dial_of("OPTIMIZER = 'sgd'", choices={"OPTIMIZER": ["adamw"]}).rungs == ("sgd", "adamw")
    for options in ({"exclude": ["*_RATE"]}, {"include": ["WIDTH"]}):
        with pytest.raises(NotTunable):
            dial_of("LEARNING_RATE = 1e-3", **options)


@pytest.mark.parametrize("value", [1e-3, 0.3, 2.0, 1e6])
def test_every_rung_has_a_place_of_its_own(value: float) -> None:
    for name in ("LEARNING_RATE", "WEIGHT_DECAY", "BETA", "DROPOUT", "GAIN", "OTHER"):
        found = dial_of(f"{name} = {value}")
        places = [found.place(rung) for rung in found.rungs]
        assert places == sorted(set(places))
        assert [found.nearest(place) for place in places] == list(found.rungs)
