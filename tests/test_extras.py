"""Optional libraries: the table of extras and the message about a missing library."""

from __future__ import annotations

import re
import sys
import tomllib

import pytest

from graphbuild._util import EXTRAS, install_command, require
from graphbuild.errors import MissingLibraryError
from tests.support.paths import ROOT


def test_the_extras_are_those_of_the_project_file() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {
        name: tuple(re.split(r"[<>=!~;\s]", requirement)[0] for requirement in requirements)
        for name, requirements in project["optional-dependencies"].items()
        if name != "all"
    }
    assert extras == EXTRAS


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_message_names_a_command_that_installs_every_library(extra: str) -> None:
    with pytest.raises(MissingLibraryError) as error:
        require("no_such_library.part", extra=extra)
    message = "this needs no_such_library, which is not installed; run: "
    assert str(error.value) == message + install_command(extra)
    assert install_command(extra).endswith(f" -m pip install {' '.join(EXTRAS[extra])}")
    assert install_command(extra).startswith(sys.executable)


def test_a_module_that_is_installed_is_returned() -> None:
    assert require("w3lib.url", extra="analysis").__name__ == "w3lib.url"
