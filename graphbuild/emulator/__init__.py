"""An emulator of the VirusTotal API v3, for demonstrations and tests.

    >>> from graphbuild.emulator import Api, Emulator, generate_world
    >>> with Emulator(Api(generate_world(seed=1))) as emulator:
    ...     emulator.base_url.startswith("http://127.0.0.1:")
    True

``World`` contains the data, ``Api`` maps requests to responses, and ``Emulator`` serves an ``Api``
over HTTP.

The emulator imports no other package of graphbuild. If the client and the emulator shared code,
tests of the client against the emulator could not detect bugs in this code.
"""

from graphbuild.emulator.api import Api
from graphbuild.emulator.generator import generate_family_world, generate_world
from graphbuild.emulator.http_messages import Request, Response
from graphbuild.emulator.loader import load_world
from graphbuild.emulator.models import Collection, File, Indicator, Reference
from graphbuild.emulator.quota import Quota
from graphbuild.emulator.relationships import API_FLAVORS
from graphbuild.emulator.router import UndocumentedSettings
from graphbuild.emulator.server import Emulator
from graphbuild.emulator.world import World

__all__ = [
    "API_FLAVORS",
    "Api",
    "Collection",
    "Emulator",
    "File",
    "Indicator",
    "Quota",
    "Reference",
    "Request",
    "Response",
    "UndocumentedSettings",
    "World",
    "generate_family_world",
    "generate_world",
    "load_world",
]
