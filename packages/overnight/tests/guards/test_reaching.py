"""Source code that changes what protected modules, builtins or the clock do; and honest code."""

import pytest

from overnight.guards.reaching import Edit, module_names, refuse_reaching
from overnight.types import Verdict

PROTECTED = module_names(["prepare.py", "data/loader.py", "data/__init__.py", "src/evaluate.py"])
REACHING = {
    "attribute": ("import prepare\nprepare.evaluate = lambda *_: 0.0", "prepare.evaluate"),
    "attribute of an attribute": ("import prepare\nprepare.config.lr = 1", "prepare.config.lr"),
    "item": ("import prepare\nprepare.TABLE['x'] = 1", "prepare.TABLE"),
    "in place": ("import prepare\nprepare.TOKENS += 1", "prepare.TOKENS"),
    "annotated": ("import prepare\nprepare.TOKENS: int = 1", "prepare.TOKENS"),
    "deleted": ("import prepare\ndel prepare.evaluate", "prepare.evaluate"),
    "one of several": ("import prepare\nx, prepare.evaluate = 1, None", "prepare.evaluate"),
    "in a loop": ("import prepare\nfor prepare.evaluate in [f]: pass", "prepare.evaluate"),
    "in a with": ("import prepare\nwith f() as prepare.evaluate: pass", "prepare.evaluate"),
    "in a function": ("import prepare\ndef f():\n  prepare.evaluate = 0", "prepare.evaluate"),
    "imported in a function": ("def f():\n  import prepare\n  prepare.x = 0", "prepare.x"),
    "under another name": ("import prepare as p\np.evaluate = f", "prepare.evaluate"),
    "by a second name": ("import prepare\np = prepare\np.evaluate = f", "prepare.evaluate"),
    "in a package": ("import data.loader\ndata.loader.load = f", "data.loader.load"),
    "from a package": ("from data import loader\nloader.load = f", "data.loader.load"),
    "relative": ("from . import evaluate\nevaluate.score = f", "evaluate.score"),
    "relative to a package": ("from .src import evaluate as e\ne.score = f", "src.evaluate.score"),
    "setattr": ("import prepare\nsetattr(prepare, 'evaluate', f)", "prepare.evaluate"),
    "delattr": ("import prepare\ndelattr(prepare, 'evaluate')", "prepare.evaluate"),
    "its own setter": ("import prepare\nprepare.__setattr__('evaluate', f)", "prepare.evaluate"),
    "object's setter": (
        "import prepare\nobject.__setattr__(prepare, 'evaluate', f)",
        "prepare.evaluate",
    ),
    "a name that is made up": ("import prepare\nsetattr(prepare, 'ev' + x, f)", "prepare"),
    "vars": ("import prepare\nvars(prepare)['evaluate'] = f", "prepare"),
    "vars updated": ("import prepare\nvars(prepare).update(evaluate=f)", "prepare"),
    "dict": ("import prepare\nprepare.__dict__['evaluate'] = f", "prepare"),
    "dict updated": ("import prepare\nprepare.__dict__.update(evaluate=f)", "prepare"),
    "sys.modules": ("import sys\nsys.modules['prepare'] = f", "sys.modules"),
    "sys.modules under another name": ("from sys import modules as m\nm[name] = f", "sys.modules"),
    "sys.modules updated": ("import sys\nsys.modules.update({'prepare': f})", "sys.modules"),
    "by sys.modules": ("import sys\nsys.modules['prepare'].evaluate = f", "prepare.evaluate"),
    "by sys.modules and setattr": (
        "import sys\nsetattr(sys.modules['prepare'], 'evaluate', f)",
        "prepare.evaluate",
    ),
    "import_module": (
        "import importlib\nm = importlib.import_module('prepare')\nm.evaluate = f",
        "prepare.evaluate",
    ),
    "__import__": ("__import__('prepare').evaluate = f", "prepare.evaluate"),
    "code": ("from prepare import evaluate\nevaluate.__code__ = f.__code__", "prepare.evaluate."),
    "a class": ("from prepare import Evaluator\nEvaluator.score = f", "prepare.Evaluator.score"),
    "patch": ("from unittest.mock import patch\npatch('prepare.evaluate').start()", "prepare.eva"),
    "patch.object": (
        "import prepare\nfrom unittest import mock\nmock.patch.object(prepare, 'evaluate')",
        "prepare.evaluate",
    ),
    "patch.dict": ("import prepare\npatch.dict(prepare.__dict__, evaluate=f)", "prepare"),
    "monkeypatch": ("monkeypatch.setattr('prepare.evaluate', f)", "prepare.evaluate"),
    "clock": ("import time\ntime.time = lambda: 0", "time.time"),
    "clock under another name": ("import time as t\nt.perf_counter = f", "time.perf_counter"),
    "date": ("import datetime\ndatetime.datetime = Fake", "datetime.datetime"),
    "builtin": ("import builtins\nbuiltins.print = f", "builtins.print"),
    "builtin without import": ("__builtins__.open = f", "builtins.open"),
    "builtin item": ("__builtins__['open'] = f", "builtins"),
}
HONEST = {
    "reads": "import prepare\nx = prepare.TOKENS + prepare.evaluate(model)",
    "calls": "import prepare\nprepare.configure(lr=1)\nprepare.cache.update(a=1)",
    "own object": "class M: pass\nm = M()\nm.prepare = 1\nm.time = 2",
    "own attribute of that name": "self.prepare.evaluate = f\nself.time.time = 1",
    "torch": "import torch\ntorch.backends.cudnn.benchmark = True\ntorch.nn.Linear.forward = f",
    "numpy": "import numpy as np\nx = np.zeros(3)\nx[0] = 1\nnp.random.seed(0)",
    "key": "import prepare\ntable = {}\ntable[prepare.TOKENS] = 1",
    "index": "from prepare import TOKENS\nx = [0] * 9\nx[TOKENS] = 1",
    "copy": "from prepare import config\nconfig = dict(config)\nconfig['lr'] = 1",
    "result": "from prepare import load\ndata = load()\ndata[0] = 1\ndata.name = 'x'",
    "instance": "from prepare import Config\nc = Config()\nc.lr = 1",
    "subclass": "from prepare import Evaluator\nclass Mine(Evaluator):\n  limit = 3",
    "argument": "from prepare import batch\ndef f(batch):\n  batch[0] = 1",
    "argument of a lambda": "import time\nf = lambda time: setattr(time, 'x', 1)",
    "local": "from prepare import batch\ndef f():\n  batch = []\n  batch[0] = 1",
    "keyword argument": "import time\ndef f(*, time):\n  time.x = 1",
    "own setattr": "import prepare\nsetattr(model, 'prepare', prepare)",
    "own modules": "import sys\nsys.modules['mine'] = object()\nsys.path.insert(0, 'src')",
    "standard output": "import sys, os\nsys.stdout = Tee()\nos.environ['X'] = '1'",
    "measures time": "import time\nstart = time.time()\nelapsed = time.time() - start",
    "another module of that name": "from sklearn import evaluate\nevaluate.x = 1",
    "no Python": "this is no Python (((",
    "nothing": "",
    "too deep": "import prepare\nx = prepare" + ".a" * 3000 + "\n" + "(" * 150 + ")" * 150,
    "null bytes": "import prepare\0",
}


def reason(new: str, old: str = "") -> str | None:
    judgement = refuse_reaching([Edit("train.py", old, new)], protected=PROTECTED)
    assert judgement is None or judgement.verdict is Verdict.TAMPERED
    return None if judgement is None else judgement.reason


@pytest.mark.parametrize(("source", "what"), REACHING.values(), ids=REACHING.keys())
def test_refuses_what_changes_them(source: str, what: str) -> None:
    told = reason(source)
    assert told is not None
    assert told.startswith("train.py:")
    assert f" replaces {what}" in told
    assert told.endswith(", which is not its to change.")


@pytest.mark.parametrize("source", HONEST.values(), ids=HONEST.keys())
def test_honest_code_stays(source: str) -> None:
    assert reason(source) is None


@pytest.mark.parametrize(("source", "what"), REACHING.values(), ids=REACHING.keys())
def test_what_was_there_before_stays(source: str, what: str) -> None:
    """The study's own start may do so; only new ones count."""
    assert reason(f"x = 1\n{source}", old=source) is None


def test_the_line_is_told() -> None:
    told = reason("import prepare\n\n\ndef f():\n    prepare.evaluate = 1\n")
    assert told is not None
    assert told.startswith("train.py:5 ")


def test_one_of_several_files_is_enough() -> None:
    edits = [Edit("a.py", "", "x = 1"), Edit("b.py", "", "import time\ntime.time = 0")]
    judgement = refuse_reaching(edits, protected=[])
    assert judgement is not None
    assert judgement.reason.startswith("b.py:2 ")


def test_something_new_beside_what_was_there_is_refused() -> None:
    old = "import prepare\nprepare.one = 1\n"
    assert reason(f"{old}prepare.two = 2\n", old=old) is not None


@pytest.mark.parametrize("depth", [100, 3_000, 50_000])
def test_a_source_that_goes_deep_ends_no_night(depth: int) -> None:
    for source in ("x = " + "-" * depth + "1", "x" + ".y" * depth + " = 1", "(" * depth):
        assert reason(f"import prepare\n{source}") is None


def test_names_of_modules() -> None:
    assert module_names(["a/b/c.py", "d/__init__.py", "e.txt"]) == {"a.b.c", "c", "d"}
