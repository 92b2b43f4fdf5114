"""What a transaction is and what became of it, in the right row and column."""

from __future__ import annotations

import numpy as np
import pytest

from squall.load_generator.engine.truth_cells import TruthCells, classes_of, populations_of
from squall.load_generator.target_spec import pack_end, score_bin
from squall.models import (
    Decision,
    EdgeCase,
    Expected,
    Label,
    Outcome,
    TransactionBatch,
    Truth,
    Typology,
)
from squall.models.interval import FRAUD_ROWS, UNLABELLED, UNNAMED_FRAUD

LEGITIMATE = int(Typology.NONE)


def batch_of(*kinds: tuple[Label, Typology]) -> TransactionBatch:
    """Transactions of ten dollars each; edge cases are to be refused."""
    index = np.arange(len(kinds))
    label = np.array([label for label, _ in kinds], np.uint8)
    edge = label == Label.EDGE_CASE
    return TransactionBatch(
        index=index,
        wire_index=index,
        columns={},
        label=label,
        typology=np.array([typology for _, typology in kinds], np.uint8),
        edge_case=np.where(edge, EdgeCase.ZERO_AMOUNT, EdgeCase.NONE).astype(np.uint8),
        expected=np.where(edge, Expected.REJECTED, Expected.DECIDED).astype(np.uint8),
        amount_minor=np.full(len(kinds), 1_000),
        value_usd=np.full(len(kinds), 10.0),
    )


def truth_of(batch: TransactionBatch, end: int) -> Truth:
    """All of them with the same end."""
    classes = classes_of(batch)
    cells = TruthCells()
    cells.add(classes, populations_of(classes), np.full(len(batch), end), batch.value_usd)
    return cells.take()[2]


@pytest.mark.parametrize(
    ("label", "typology", "row"),
    [
        (Label.LEGITIMATE, Typology.NONE, LEGITIMATE),
        (Label.FRAUD, Typology.BUST_OUT, int(Typology.BUST_OUT)),
        (Label.FRAUD, Typology.NONE, UNNAMED_FRAUD),
        (Label.UNKNOWN, Typology.NONE, UNLABELLED),
    ],
)
def test_each_kind_has_its_row(label: Label, typology: Typology, row: int) -> None:
    truth = truth_of(
        batch_of((label, typology)), pack_end(Outcome.ACCEPTED, Decision.DECLINE, score_bin(0.9))
    )
    assert np.argwhere(truth.decisions).tolist() == [[row, Decision.DECLINE]]
    assert truth.value_usd[row, Decision.DECLINE] == truth.value_usd.sum() == 10.0
    is_fraud = FRAUD_ROWS.start <= row < FRAUD_ROWS.stop
    assert truth.scores.sum(axis=1).tolist() == [row == LEGITIMATE, is_fraud]


def test_fraud_without_a_name_never_adds_to_the_legitimate() -> None:
    fraud = [(Label.FRAUD, Typology.NONE)] * 20
    legitimate = [(Label.LEGITIMATE, Typology.NONE)] * 80
    truth = truth_of(batch_of(*fraud, *legitimate), pack_end(Outcome.ACCEPTED, Decision.APPROVE))
    assert truth.decisions[LEGITIMATE].sum() == 80
    assert truth.decisions[FRAUD_ROWS].sum() == truth.decisions[UNNAMED_FRAUD].sum() == 20


def test_an_edge_case_is_in_no_row() -> None:
    batch = batch_of((Label.EDGE_CASE, Typology.NONE), (Label.UNKNOWN, Typology.NONE))
    truth = truth_of(batch, pack_end(Outcome.ACCEPTED, Decision.APPROVE))
    assert np.argwhere(truth.decisions).tolist() == [[UNLABELLED, Decision.APPROVE]]
    assert truth.edge_cases[EdgeCase.ZERO_AMOUNT].tolist() == [0, 1, 0]
