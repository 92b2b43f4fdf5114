from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.fraud_platform.conftest import make_history

from fraud_platform.agents.fusion import fuse, log_odds
from fraud_platform.errors import HistoryError, UsageError
from fraud_platform.learning.cache import obtain_model
from fraud_platform.learning.history import FRAUD, LEGITIMATE, History, read_history
from fraud_platform.learning.model import AGENTS, LearnedModel, load_model
from fraud_platform.learning.training import LEAST_WEIGHT, learn, replay
from fraud_platform.state.features import FeatureExtractor

EVERYBODY = (1 << len(AGENTS)) - 1


def test_finds_fraud_of_people_it_has_never_met(model: LearnedModel, tmp_path: Path) -> None:
    """A small history learns a little; the real bar is measured in benchmarks/detection.py."""
    unseen = read_history(make_history(tmp_path, seed=1001, count=8_000))
    evidence = replay(unseen.transactions, FeatureExtractor(model.scales))
    opinions = np.stack([log_odds(agent.judge(evidence)) for agent in model.agents()], axis=1)
    weights = model.weights[EVERYBODY]
    flagged = fuse(weights, opinions) >= weights.review_from
    assert flagged[unseen.label == FRAUD].mean() > 0.7
    assert flagged[unseen.label == LEGITIMATE].mean() < 0.03


def test_there_are_weights_for_every_set_of_agents(model: LearnedModel) -> None:
    assert sorted(model.weights) == list(range(1, EVERYBODY + 1))
    for present, weights in model.weights.items():
        for place, weight in enumerate(weights.agents):
            if present >> place & 1:
                assert weight >= LEAST_WEIGHT
            else:
                assert weight == 0.0
        assert 0 < weights.review_from <= weights.decline_from <= 1


def test_learning_is_repeatable(history: History) -> None:
    part = History(
        history.transactions[:6000], history.label[:6000], history.typology[:6000], refused=0
    )
    assert learn(part) == learn(part)


def test_a_model_survives_being_stored(model: LearnedModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model.json")
    assert load_model(tmp_path / "model.json") == model
    (tmp_path / "model.json").write_bytes(b'{"boosted": "half a')
    assert load_model(tmp_path / "model.json") is None


def test_a_model_is_learned_once(
    model: LearnedModel, model_dir: Path, history_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert obtain_model(model_dir, history_file) == model
    assert obtain_model(model_dir, None) == model
    assert "learning" not in caplog.text


def test_without_history_or_model_it_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="make one with: squall data generate"):
        obtain_model(tmp_path, None)
    with pytest.raises(HistoryError, match=r"none\.parquet: no such file; make one with"):
        obtain_model(tmp_path, tmp_path / "none.parquet")


def test_a_directory_that_cannot_be_written(history_file: Path, tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("")
    with pytest.raises(UsageError, match="cannot be kept there"):
        obtain_model(occupied, history_file)


def test_unusable_histories(history_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "h.parquet"
    path.write_bytes(b"not parquet at all")
    with pytest.raises(HistoryError, match="not a readable Parquet file"):
        read_history(path)
    table = pq.read_table(history_file)
    pq.write_table(table.drop_columns(["label", "amount"]), path)
    with pytest.raises(HistoryError, match="lacks the columns amount, label"):
        read_history(path)
    pq.write_table(table.slice(0, 1000), path)
    with pytest.raises(HistoryError, match="at least 5000 are needed"):
        read_history(path)
    honest = table.set_column(
        table.column_names.index("label"), "label", pa.array([0] * len(table))
    )
    pq.write_table(honest, path)
    with pytest.raises(HistoryError, match="0 fraudulent"):
        read_history(path)
    odd = table.set_column(table.column_names.index("label"), "label", pa.array([9] * len(table)))
    pq.write_table(odd, path)
    with pytest.raises(HistoryError, match="label 9: must be one of"):
        read_history(path)


def test_what_would_be_refused_is_left_out(history: History) -> None:
    assert history.refused > 0
    assert all(t.amount > 0 for t in history.transactions)
    assert len({t.transaction_id for t in history.transactions}) == len(history)
