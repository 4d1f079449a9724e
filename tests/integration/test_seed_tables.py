"""A crawl of a table requests its indicators only; exported tables are seed lists."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from graphbuild.emulator import Api, generate_family_world
from graphbuild.seeds import read_seeds

if TYPE_CHECKING:
    from tests.support.shell import Shell

PORTAL = "https://portal.example/case"


def requested_ids(api: Api) -> set[str]:
    """Return the ids in the paths of all requests; the ids of URLs are decoded."""
    found = set()
    for entry in api.log:
        _, _, _, collection, object_id, *_ = entry.path.split("/")
        if collection == "urls":
            padding = "=" * (-len(object_id) % 4)
            object_id = base64.urlsafe_b64decode(object_id + padding).decode()
        found.add(object_id)
    return found


@pytest.mark.parametrize("heading", ["Link", "Reference", "Source", "Report URL"])
@pytest.mark.parametrize("is_first", [True, False])
def test_links_to_a_portal_are_never_requested(
    shell: Shell, service, heading: str, *, is_first: bool
) -> None:
    world = generate_family_world(3, 2)
    api = Api(world)
    seeds = [*world.hashes(), "evil.example", "8.8.8.8", "https://evil.example/x"]
    rows = [("IOC", heading), *((seed, f"{PORTAL}/{n}") for n, seed in enumerate(seeds))]
    lines = [",".join(row if is_first else row[::-1]) for row in rows]
    (shell.folder / "iocs.csv").write_text("\n".join(lines))
    options = ("--store", "c.db", "--base-url", service(api), "--api-flavor", "classic")
    done = shell("crawl", "iocs.csv", *options, "--json")
    assert json.loads(done.stdout)["run"]["calls"] == len(api.log) > 0
    assert requested_ids(api) == set(seeds)
    number = 1 if is_first else 2
    assert f"column {number} 'IOC' (6 of 6 rows; the heading names indicators" in done.stderr


def test_a_refused_table_causes_no_request(shell: Shell, service) -> None:
    api = Api(generate_family_world(3, 2))
    rows = ["Family,Where", *(f"Emotet,{PORTAL}/{n}" for n in range(5))]
    (shell.folder / "links.csv").write_text("\n".join(rows))
    done = shell("crawl", "links.csv", "--store", "c.db", "--base-url", service(api))
    assert done.returncode == 1
    assert "2 'Where' (5 of 5 rows); choose a column with --column" in done.stderr
    assert api.log == []


def test_exported_tables_give_the_crawled_files(shell: Shell, service) -> None:
    world = generate_family_world(4, 3)
    (shell.folder / "seeds.txt").write_text("\n".join(world.hashes()))
    url = service(Api(world))
    shell("crawl", "seeds.txt", "--store", "c.db", "--base-url", url, "--api-flavor", "classic")
    shell("export", "--store", "c.db", "--out", "maps", "--to", "csv")
    for name in ("nodes.csv", "observations.csv"):
        found = read_seeds(shell.folder / "maps" / name)
        assert {seed.entity.id for seed in found} == set(world.hashes())
        assert {seed.entity.type for seed in found} == {"file"}
        assert found.rejected == []
