"""The licenses that give access to references, for messages about refused requests.

Sources: https://docs.virustotal.com/reference/files-object-related_references,
https://gtidocs.virustotal.com/reference/object-references.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.api.endpoints import AUTO, CLASSIC, GTI, relationship_name
from graphbuild.errors import ForbiddenError

if TYPE_CHECKING:
    from collections.abc import Mapping

_CLASSIC_LICENSE = "a VirusTotal Enterprise license with the Threat Landscape module"
_GTI_LICENSE = "a Google Threat Intelligence license (Enterprise or higher)"
_LICENSES: Mapping[str, str] = {
    CLASSIC: _CLASSIC_LICENSE,
    GTI: _GTI_LICENSE,
    AUTO: f"{_CLASSIC_LICENSE}, or {_GTI_LICENSE}",
}


def explain_refusal(error: ForbiddenError, relationship: str, api_flavor: str) -> ForbiddenError:
    """Return an error like ``error`` whose message names the license for ``relationship``.

    ``api_flavor`` is the flavor of the client. If it is ``auto`` and the refused request had the
    flavor ``gti``, the message names the license for ``gti``. After a classic request, the flavor
    of the service is unknown, so the message names the licenses for both flavors.
    """
    if api_flavor == AUTO and error.api_flavor == GTI:
        api_flavor = GTI
    name = relationship_name(relationship, api_flavor)
    message = (
        f"this API key may not read {name} ({error.code}): the relationship needs "
        f"{_LICENSES[api_flavor]}"
    )
    return ForbiddenError(message, status=error.status, code=error.code)
