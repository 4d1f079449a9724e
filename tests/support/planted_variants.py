"""Random families of files with known variants, and families without any.

All files of a family are in the same three collections. Each variant has collections of its own. In
a family without variants, each file is in further collections at random.
"""

from __future__ import annotations

from random import Random

from tests.support.planted_campaigns import PlantedCampaigns

_COMMON = 3  # collections of all files of a family


def plant_variants(
    seed: int, variants: int = 2, files: int = 20, own: int = 3, share: float = 0.7
) -> PlantedCampaigns:
    """Return a family whose ``truth`` is the variant of each file.

    Args:
        seed: The same seed gives the same family.
        variants: The number of variants.
        files: The number of files of each variant.
        own: The number of collections of each variant.
        share: The share of these collections that a file is in; it is in at least one.
    """
    rng = Random(f"variants {seed}")
    common = [f"s{seed}-all-{each}" for each in range(_COMMON)]
    members: dict[str, list[str]] = {}
    truth: dict[str, int] = {}
    for variant in range(variants):
        names = [f"s{seed}-v{variant}-{each}" for each in range(own)]
        for _ in range(files):
            file = f"{rng.getrandbits(256):064x}"
            held = [name for name in names if rng.random() < share] or [rng.choice(names)]
            members[file] = [*common, *held]
            truth[file] = variant
    return PlantedCampaigns(members, _holds(members), {}, truth)


def plant_homogeneous(seed: int) -> PlantedCampaigns:
    """Return a family of 6 to 59 files without variants; the same seed gives the same family."""
    rng = Random(f"homogeneous {seed}")
    common = [f"h{seed}-all-{each}" for each in range(_COMMON)]
    names = {f"h{seed}-{each}": rng.random() for each in range(rng.randint(3, 11))}
    members = {
        f"{rng.getrandbits(256):064x}": [
            *common,
            *(name for name, share in names.items() if rng.random() < share),
        ]
        for _ in range(rng.randint(6, 59))
    }
    return PlantedCampaigns(members, _holds(members), {}, dict.fromkeys(members, 0))


def plant_doubtful() -> tuple[PlantedCampaigns, str]:
    """Return a family of two variants and a smaller family, and a file between the two families.

    The file is in three collections of its own family and in four of the first variant.
    """
    planted, other = plant_variants(1), plant_variants(2, 1)
    between = next(iter(other.members))
    held = [*other.members[between][:3], *next(iter(planted.members.values()))[:4]]
    members = {**planted.members, **other.members, between: held}
    truth = {**planted.truth, **dict.fromkeys(other.truth, 2)}
    return PlantedCampaigns(members, {**planted.holds, **other.holds}, {}, truth), between


def _holds(members: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return the references of each collection: four of its own."""
    names = sorted({name for held in members.values() for name in held})
    return {name: [f"{name} report {each}" for each in range(4)] for name in names}
