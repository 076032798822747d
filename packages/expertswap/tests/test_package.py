from importlib.metadata import version
from importlib.resources import files

import expertswap


def test_says_the_version_that_is_installed() -> None:
    assert expertswap.__version__ == version("expertswap")


def test_offers_its_types() -> None:
    assert files(expertswap).joinpath("py.typed").is_file()
