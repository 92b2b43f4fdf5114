from __future__ import annotations

import pytest

from benchmarks.servers.nginx import requests_in

STATUS = """\
HTTP/1.1 200 OK
Content-Type: text/plain

Active connections: 65
server accepts handled requests
 66 66 1234567
Reading: 0 Writing: 3 Waiting: 62
"""


def test_requests_are_read_from_the_status_page() -> None:
    assert requests_in(STATUS) == 1_234_567


def test_another_page_is_no_status() -> None:
    with pytest.raises(StopIteration):
        requests_in("404 Not Found")
