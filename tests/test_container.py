"""The container file: an unprivileged user, a read-only root, a volume, and locked dependencies."""

from __future__ import annotations

import json
import re
import shlex
import sys
from typing import TYPE_CHECKING

from tests.support.mounts import run_with_private_mounts
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from tests.support.shell import Shell

TEXT = (ROOT / "Containerfile").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
VOLUME = "/campaigns"


def stages() -> list[list[tuple[str, str]]]:
    """Return the (instruction, arguments) pairs of each stage."""
    lines = [line for line in TEXT.splitlines() if not line.startswith("#")]
    found: list[list[tuple[str, str]]] = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if not line:
            continue
        instruction, _, arguments = line.partition(" ")
        if instruction == "FROM":
            found.append([])
        found[-1].append((instruction, " ".join(arguments.split())))
    return found


BUILD, IMAGE = stages()
# Makes the current folder the volume, scratch a file system in memory, and the rest read-only. It
# is not mounted at /tmp, because the repository can be there.
SCRATCH = "/mnt/scratch"
MOUNT = f"""
mkdir scratch && mount --bind . /mnt && cd /mnt && mount -t tmpfs tmpfs {SCRATCH} || exit
mount -o remount,bind,ro / || exit
if touch /written 2>{SCRATCH}/message; then exit 99; fi
"""


def arguments_of(name: str, stage: list[tuple[str, str]] = IMAGE) -> list[str]:
    return [arguments for instruction, arguments in stage if instruction == name]


def run_commands() -> list[list[str]]:
    """Return the documented commands that run a container."""
    section = README.partition("### In a container")[2].partition("\n## ")[0]
    joined = section.replace("\\\n", " ")
    return [
        shlex.split(line[2:]) for line in re.findall(r"^\$ podman run .*", joined, re.MULTILINE)
    ]


def test_the_user_is_unprivileged() -> None:
    (user,) = arguments_of("USER")
    assert all(int(number) >= 10_000 for number in user.split(":"))
    names = [instruction for instruction, _ in IMAGE]
    assert "RUN" not in names[names.index("USER") :]  # all files belong to root


def test_the_volume_belongs_to_the_user_and_is_the_working_directory() -> None:
    assert arguments_of("VOLUME") == arguments_of("WORKDIR") == [VOLUME]
    (user,) = arguments_of("USER")
    assert f"chown {user} {VOLUME}" in " ".join(arguments_of("RUN"))


def image_variables() -> dict[str, str]:
    return dict(each.split("=", 1) for each in " ".join(arguments_of("ENV")).split())


def test_programs_write_only_to_the_volume_and_to_tmp() -> None:
    variables = image_variables()
    assert variables["HOME"] == "/tmp"
    assert variables["MPLCONFIGDIR"].startswith("/tmp/")
    assert variables["PYTHONDONTWRITEBYTECODE"] == "1"
    assert variables["PATH"].startswith("/opt/graphbuild/bin:")


def test_the_entry_point_is_the_command() -> None:
    assert json.loads(arguments_of("ENTRYPOINT")[0]) == ["graphbuild"]
    assert json.loads(arguments_of("CMD")[0]) == ["--help"]


def test_the_base_images_are_equal_and_have_a_version() -> None:
    bases = {arguments_of("FROM", stage)[0].split()[0] for stage in (BUILD, IMAGE)}
    (base,) = bases
    assert re.fullmatch(r"python:3\.\d+-slim", base)


def test_dependencies_are_installed_from_locks() -> None:
    commands = [words for words in arguments_of("RUN", BUILD) if "pip install" in words]
    for command in commands:
        assert "--no-deps" in command
        assert "--require-hashes -r requirements/" in command or command.endswith(" .")
    locks = [command.split()[-1] for command in commands]
    assert locks == ["requirements/build.lock", "requirements/run.lock", "."]


def test_only_named_files_of_the_repository_are_copied() -> None:
    assert arguments_of("COPY") == ["--from=build /opt/graphbuild /opt/graphbuild"]
    copied = " ".join(arguments_of("COPY", BUILD)).split()
    assert not {".", "*", "/"} & set(copied)
    for name in copied:
        assert name == "./" or (ROOT / name).exists(), name


def test_the_documented_commands_use_a_read_only_root_and_the_volume() -> None:
    commands = run_commands()
    assert commands
    for command in commands:
        assert {"--rm", "--read-only", "--tmpfs", "/tmp", "--cap-drop"} <= set(command)
        assert command[command.index("--volume") + 1].endswith(f":{VOLUME}")
        assert not any(re.match("VT_APIKEY=", word) for word in command)  # would be in `ps`


def test_demo_and_report_work_with_a_read_only_root(shell: Shell) -> None:
    """Imitates a container of the image, since builders of images are rarely available."""
    image = {**image_variables(), "TMPDIR": "/tmp"}
    del image["PATH"]
    variables = [f"{name}={value.replace('/tmp', SCRATCH)}" for name, value in image.items()]
    graphbuild = shlex.join(["env", *variables, sys.executable, "-m", "graphbuild"])
    process = run_with_private_mounts(
        shell,
        f"{MOUNT}{graphbuild} demo --out demo && {graphbuild} report --store demo/campaign.db",
    )
    assert process.returncode == 0, process.stderr
    assert (shell.folder / "demo" / "graph.html").exists()
    assert (shell.folder / "output" / "report.html").exists()
