"""A researcher without a model: works through a list of changes, one per trial.

Run by `command`: it stands in the clone, remembers in `$OVERNIGHT_HOME` how far it is, and changes
one constant of `train.py`.
"""

import os
import re
import sys
from pathlib import Path

CHECKLIST = (
    ("LEARNING_RATE", "3e-3", "a learning rate three times as high"),
    ("BATCH_SIZE", "128", "half the batch, twice the steps"),
    ("LEARNING_RATE", "1e-2", "ten times the first learning rate"),
    ("EMBED_WIDTH", "24", "wider embeddings"),
    ("WARMUP", "0.03", "a shorter warm-up"),
    ("CONTEXT", "12", "a shorter context, which is faster"),
    ("NGRAM_ROWS", "32768", "fewer n-grams that share an embedding"),
    ("GRADIENT_CLIP", "0.0", "no clipping"),
)


def main() -> None:
    """Make the next change; an exhausted list changes nothing."""
    counter = Path(os.environ["OVERNIGHT_HOME"]) / "checklist"
    done = int(counter.read_text()) if counter.exists() else 0
    if done == len(CHECKLIST):
        sys.exit("The checklist is done.")
    counter.write_text(str(done + 1))
    name, value, why = CHECKLIST[done]
    train = Path("train.py")
    line = re.compile(rf"^{name} = \S+", flags=re.MULTILINE)
    train.write_text(line.sub(f"{name} = {value}", train.read_text(), count=1))
    print(f"{name} = {value}: {why}")


if __name__ == "__main__":
    main()
