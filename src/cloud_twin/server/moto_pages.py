"""What moto says in pages for readers of HTML, said in AWS's words."""

from __future__ import annotations

from cloud_twin.errors import AwsError
from cloud_twin.server import moto_front, refusals
from cloud_twin.server.moto_http import UNSERVED, MotoAnswer
from cloud_twin.server.request import Request


def refuse_pages(request: Request, answer: MotoAnswer) -> None:
    """Raises ``AwsError`` for an answer that is no service's, and passes over all others.

    What moto does not have gets a status that no SDK repeats. A failure is a 500, as on AWS.
    """
    if UNSERVED in answer.headers:
        raise _not_implemented(request, answer.body[:200].decode("utf-8", "replace"))
    kind = answer.headers.get("content-type", "")
    if answer.status < 400 or not kind.startswith("text/html"):
        return
    if answer.status >= 500:
        message = "moto, which serves this operation, failed; the twin's log says how."
        raise AwsError("InternalFailure", message, 500, sender=False)
    page = answer.body.lstrip()[:15].lower() == b"<!doctype html>"
    nothing = answer.status == 404 and not answer.body and request.method != "HEAD"
    if nothing or (page and answer.status in (404, 405)):
        raise refusals.unknown_operation(request.called, moto_front.protocol_of(request))
    if page:
        raise _not_implemented(request, f"moto answered {answer.status} with a page of HTML")


def _not_implemented(request: Request, why: str) -> AwsError:
    message = f"Neither the twin nor moto serves {request.called}: {why}"
    return AwsError("NotImplemented", message, 501, sender=False)
