"""A folder of text in place of this machine's, and a model of the smallest size trained on it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
LAB = Path(__file__).parents[1]
