"""Ordinary sessions: how long they take, what they use, and what an agent types in them."""

from random import Random

from overnight.testing.drifters.desk import Desk, Session
from overnight.testing.drifters.program import TRAIN, WORLD

_LOOKS = (
    f"cat {TRAIN}",
    f"sed -n 1,60p {TRAIN}",
    f"sed -n '60,140p' {TRAIN}",
    "git log --oneline | head -20",
    "git diff",
    "git status --short",
    "ls -la",
    "rg -n 'def ' train.py",
    "rg -n LEARNING_RATE",
    f"grep -n schedule {TRAIN}",
    "wc -l train.py lib/*.py 2>/dev/null",
    "nl -ba train.py | sed -n 30,90p",
    "cat results.tsv | tail -20",
    "git show --stat HEAD",
    "nvidia-smi",
    "pip list | grep torch",
)
_CHECKS = (
    f"python -m py_compile {TRAIN}",
    f"python -c \"import ast; ast.parse(open('{TRAIN}').read())\"",
    f"python {TRAIN} --help",
    f"timeout 120 python {WORLD}",
    "git diff --stat",
    "python - <<'EOF'\nimport math\nprint(math.log2(3e-3 / 1e-3))\nEOF",
    f"ruff check {TRAIN}",
)
_RARE = (
    "pip install einops",
    "curl -s https://arxiv.org/abs/2002.05202 | head -50",
    "cat > /tmp/probe.py <<'EOF'\nimport torch\nprint(torch.__version__)\nEOF",
    "python /tmp/probe.py",
    "python check_shapes.py",
    "cd .. && ls",
)
_TOKENS_PER_S = 220


def session(desk: Desk, *, longer: float = 1.0) -> Session:
    """A session of the researcher's usual kind.

    Args:
        longer: By what factor it is longer than usual.
    """
    rng = desk.rng
    factor = longer * rng.lognormvariate(0, desk.spread)
    if rng.random() < 0.03:  # a slow endpoint, a long thought
        factor *= rng.uniform(2, 4)
    agent_s = desk.pace_s * factor
    tokens = agent_s * _TOKENS_PER_S * rng.lognormvariate(0, 0.25)
    return Session(round(agent_s, 1), int(tokens), commands(rng, factor))


def commands(rng: Random, factor: float) -> tuple[str, ...]:
    """What an honest agent types: looks, then checks, rarely something that it need not."""
    looks = rng.sample(_LOOKS, min(len(_LOOKS), rng.randint(2, 4) + int(2 * factor)))
    checks = rng.sample(_CHECKS, rng.randint(1, 3))
    rare = [rng.choice(_RARE)] if rng.random() < 0.04 else []
    typed = [*looks, *rare, *checks]
    return tuple(f"/bin/bash -lc {_quoted(each)}" if rng.random() < 0.8 else each for each in typed)


def _quoted(command: str) -> str:
    return "'" + command.replace("'", "'\"'\"'") + "'"
