"""An act is done whether or not its bell rang: the sweeper rings again."""

import socket
import time

import pytest

from app.core import queue
from tests.web.campaigning import Campaigning


def test_an_act_whose_ring_fails_is_done(campaigns: Campaigning, monkeypatch: pytest.MonkeyPatch) -> None:
    """Valkey accepts and hangs: the campaign is approved all the same, and soon."""
    campaign_id = campaigns.submitted()
    admin = campaigns.bank.browser("admin")
    admin.get(f"/campaigns/{campaign_id}/review")
    with socket.create_server(("127.0.0.1", 0), backlog=50) as hanging:
        silent = queue.connection(f"redis://127.0.0.1:{hanging.getsockname()[1]}")
        monkeypatch.setattr(queue, "connection", lambda _url: silent)
        begun = time.monotonic()
        assert (
            admin.post(
                f"/campaigns/{campaign_id}/approve", {"note": "Good.", "sure": "y", "seen": campaigns.seen(campaign_id)}
            ).status_code
            == 303
        )
        assert time.monotonic() - begun < 30
    assert campaigns.state(campaign_id) == "approved"
