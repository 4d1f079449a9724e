"""The data behind the emulated API."""

import pytest

import graphbuild.emulator as em

MD5 = "3" * 32


def test_triples_are_the_observations_of_files():
    world = em.generate_world(1)
    assert {name for name, _, _ in world.triples()} <= set(world.hashes())
    assert world.triples() == {row[1:] for row in world.observations() if row[0] == "file"}
    assert {row[0] for row in world.observations()} == {"file", "domain", "ip_address", "url"}


def test_two_files_cannot_share_a_hash():
    for other in (em.File("1" * 64), em.File(md5=MD5.upper())):
        with pytest.raises(ValueError, match="share the hash"):
            em.World([em.File("1" * 64, md5=MD5), other], [], [])
    with pytest.raises(ValueError, match="share the hash"):
        em.World([em.File("1" * 64, md5=MD5), em.File("2" * 64, md5=MD5)], [], [])
