"""Check with one call whether an API key may read references; restore the state of a client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbuild.api.client import UNKNOWN_RELATIONSHIP_STATUSES
from graphbuild.api.endpoints import AUTO
from graphbuild.api.licenses import explain_refusal
from graphbuild.api.rate_limit import MINUTE
from graphbuild.crawler.budget import CallBudget
from graphbuild.errors import ApiError, BaseUrlError, CrawlPaused, ForbiddenError, TransientError
from graphbuild.models import RELATED_REFERENCES

if TYPE_CHECKING:
    from graphbuild.api.client import Client
    from graphbuild.store import Store


def probe_access(client: Client, store: Store | None, *, per_day: int | None = None) -> None:
    """Send one request to check whether the key of ``client`` may read references.

    The request is about :data:`graphbuild.api.client.KNOWN_FILE`. The call is recorded in
    ``store``, but the page is not stored. See :meth:`graphbuild.api.client.Client.check_access`.

    Args:
        client: Sends the request.
        store: The campaign file in which the call is recorded; must be open for writing. None
            records nothing.
        per_day: Maximum calls per UTC day; None for no limit. Ignored without ``store``.

    Raises:
        ForbiddenError: The key may not read the references. The message names the license.
        CrawlPaused: The request failed for a reason that may be temporary, the limit ``per_day`` is
            reached, or the clock was stopped.
        ApiError: The request failed for another reason: for example, the key is invalid.
        PayloadError: The response is JSON, but not a page.
        StoreError: The campaign file cannot be written, or was moved.
    """
    budget = None
    if store is not None:
        restore_client_state(client, store)
        budget = CallBudget(client.clock, store, max_calls=None, per_day=per_day)
    try:
        client.check_access(recorder=budget)
    except ForbiddenError as error:
        raise explain_refusal(error, RELATED_REFERENCES, client.api_flavor) from error
    except TransientError as error:
        raise CrawlPaused(f"{error}; run again later") from error
    except ApiError as error:
        is_unknown = error.status in UNKNOWN_RELATIONSHIP_STATUSES
        if client.api_flavor != AUTO or not is_unknown or isinstance(error, BaseUrlError):
            raise
        message = (
            f"the service refuses a request for {RELATED_REFERENCES} ({error.code}); if the key is "
            "for Google Threat Intelligence, use --api-flavor gti"
        )
        raise ApiError(message, status=error.status, code=error.code) from error


def restore_client_state(client: Client, store: Store) -> None:
    """Restore the state of ``client`` that earlier runs left in the campaign file.

    The state consists of the times of the calls in the last minute and, if the client's API flavor
    is ``auto``, of the API flavor that an earlier run has detected.
    """
    known_flavor = store.api_info.flavor()
    if client.api_flavor == AUTO and known_flavor:
        client.api_flavor = known_flavor
    now = client.clock.now()
    ages = [now - at for at in store.calls.times(now - MINUTE)]
    client.rate_limiter.record_past(ages, client.clock.monotonic())
