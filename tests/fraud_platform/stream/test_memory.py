from __future__ import annotations

import numpy as np
from tests.fraud_platform.documents import transaction

from fraud_platform.learning.model import LearnedModel
from fraud_platform.state.features import NAMES, FeatureExtractor
from fraud_platform.stream.memory import StreamMemory
from fraud_platform.stream.profiles import CARD_LIMIT, MET_LIMIT, Profile, read_profile
from fraud_platform.wire.transaction import Transaction

OF_THE_CUSTOMER = [
    place
    for place, name in enumerate(NAMES)
    if name.startswith(("user_", "speed", "home", "known_", "card_")) and name != "user_inflow"
]


def payments(count: int) -> list[Transaction]:
    return [
        transaction(
            n, user_id=f"u-{n % 3}", card_id=f"c-{n % 3}-{n % 2}", device_id=f"d-{n % 4}",
            merchant_id=f"m-{n % 5}", channel=("chip", "online")[n % 2], amount=500 + 37 * n,
            latitude=50.0 + n % 7,
        )
        for n in range(count)
    ]  # fmt: skip


def settled(memory: StreamMemory, users: list[str]) -> None:
    memory.settle(dict.fromkeys(users), dict.fromkeys(users, "lane-00"))


def test_features_are_inline_modes(model: LearnedModel) -> None:
    memory = StreamMemory(model.scales)
    settled(memory, ["u-0", "u-1", "u-2"])
    inline = FeatureExtractor(model.scales)
    assert np.array_equal(memory.observe(payments(60)), inline.observe(payments(60)))


def test_a_customer_is_the_same_after_storing_and_loading(model: LearnedModel) -> None:
    first, second = StreamMemory(model.scales), StreamMemory(model.scales)
    users = ["u-0", "u-1", "u-2"]
    settled(first, users)
    first.observe(payments(40))
    stored = {user: read_profile(first.pack(user), 7) for user in users}
    assert all(one is not None and one.profile.version == 7 for one in stored.values())
    second.settle(stored, dict.fromkeys(users, "lane-01"))
    later = payments(60)[40:]
    before, after = first.observe(later), second.observe(later)
    assert np.array_equal(before[:, OF_THE_CUSTOMER], after[:, OF_THE_CUSTOMER])
    assert [first.pack(user) for user in users] == [second.pack(user) for user in users]


def test_a_profile_fits_one_billed_kilobyte(model: LearnedModel) -> None:
    memory = StreamMemory(model.scales)
    settled(memory, ["u-0", "u-1", "u-2"])
    memory.observe(payments(60))
    assert len(memory.pack("u-1")) < 900


def test_profiles_are_bounded() -> None:
    profile = Profile()
    for n in range(500):
        assert profile.meet(f"3m-{n}") == 0
        profile.hold(f"c-{n}")
    assert len(profile.met) == MET_LIMIT
    assert profile.cards == [f"c-{n}" for n in range(500 - CARD_LIMIT, 500)]
    assert profile.meet("3m-499") == 1


def test_damaged_profiles_begin_anew(model: LearnedModel) -> None:
    memory = StreamMemory(model.scales)
    settled(memory, ["u-0", "u-1", "u-2"])
    memory.observe(payments(9))
    content = memory.pack("u-0")
    for broken in (b"", content[:5], content[:-1], b"\x09" + content[1:], b"\xff" * 40):
        assert read_profile(broken, 1) is None


def test_leaving_and_trimming_forget(model: LearnedModel) -> None:
    memory = StreamMemory(model.scales)
    users = ["u-0", "u-1", "u-2"]
    settled(memory, users)
    assert memory.unknown(users) == []
    memory.trim(2)
    assert memory.unknown(users) == ["u-0"]
    memory.leave("lane-00")
    assert memory.unknown(users) == users
