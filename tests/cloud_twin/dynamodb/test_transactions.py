"""All or nothing, once only, and one winner."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cloud_twin.dynamodb.conftest import Harness

from cloud_twin.errors import AwsError


def key(number: int) -> dict[str, Any]:
    return {"h": {"S": f"k{number}"}}


def everything(database: Harness) -> dict[str, int]:
    found = database.call("Scan", TableName="table")["Items"]
    return {item["h"]["S"]: int(item["n"]["N"]) for item in found}


def action(verb: str, number: int, value: int) -> dict[str, Any]:
    """Put needs the item to be absent, Update and Delete need it to be there."""
    of_table = {"TableName": "table"}
    present = {"ConditionExpression": "attribute_exists(h)"}
    if verb == "Put":
        absent = {"ConditionExpression": "attribute_not_exists(h)"}
        return {"Put": of_table | absent | {"Item": key(number) | {"n": {"N": str(value)}}}}
    if verb == "Update":
        change = {
            "UpdateExpression": "SET n = n + :d",
            "ExpressionAttributeValues": {":d": {"N": str(value)}},
        }
        return {"Update": of_table | present | change | {"Key": key(number)}}
    if verb == "Delete":
        return {"Delete": of_table | present | {"Key": key(number)}}
    return {"ConditionCheck": of_table | present | {"Key": key(number)}}


verbs = st.sampled_from(["Put", "Update", "Delete", "ConditionCheck"])
transactions = st.lists(
    st.dictionaries(
        st.integers(0, 5), st.tuples(verbs, st.integers(-5, 5)), min_size=1, max_size=4
    ),
    max_size=8,
)


@given(transactions)
def test_a_transaction_happens_as_a_whole_or_not_at_all(
    steps: list[dict[int, tuple[str, int]]],
) -> None:
    database = Harness()
    database.table()
    model: dict[str, int] = {}
    for step in steps:
        expected = [
            "None" if (f"k{number}" in model) != (verb == "Put") else "ConditionalCheckFailed"
            for number, (verb, _) in step.items()
        ]
        actions = [action(verb, number, value) for number, (verb, value) in step.items()]
        error = database.attempt("TransactWriteItems", TransactItems=actions)
        if error is not None:
            assert error.code == "TransactionCanceledException"
            reasons: Any = error.fields["CancellationReasons"]
            assert [reason["Code"] for reason in reasons] == expected
        else:
            assert set(expected) == {"None"}
            for number, (verb, value) in step.items():
                if verb == "Put":
                    model[f"k{number}"] = value
                elif verb == "Update":
                    model[f"k{number}"] += value
                elif verb == "Delete":
                    del model[f"k{number}"]
        assert everything(database) == model


@given(st.lists(st.tuples(st.sampled_from(["put", "transact", "delete"]), st.integers(0, 2))))
def test_of_conditional_puts_one_wins(steps: list[tuple[str, int]]) -> None:
    database = Harness()
    database.table()
    winner: dict[int, int | None] = {0: None, 1: None, 2: None}
    for at, (kind, number) in enumerate(steps):
        item = key(number) | {"n": {"N": str(at)}}
        put: dict[str, Any] = {
            "TableName": "table",
            "Item": item,
            "ConditionExpression": "attribute_not_exists(h)",
        }
        if kind == "delete":
            database.call("DeleteItem", TableName="table", Key=key(number))
            winner[number] = None
            continue
        try:
            if kind == "put":
                database.call("PutItem", **put)
            else:
                database.call("TransactWriteItems", TransactItems=[{"Put": put}])
        except AwsError:
            assert winner[number] is not None
        else:
            assert winner[number] is None
            winner[number] = at
    stored = everything(database)
    assert stored == {f"k{n}": at for n, at in winner.items() if at is not None}


def test_of_threads_that_put_the_same_item_one_wins(either: Any) -> None:
    either.create_table(
        TableName="race",
        AttributeDefinitions=[{"AttributeName": "h", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "h", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )

    def attempt(number: int) -> bool:
        try:
            either.put_item(
                TableName="race",
                Item={"h": {"S": "one"}, "by": {"N": str(number)}},
                ConditionExpression="attribute_not_exists(h)",
            )
        except either.exceptions.ConditionalCheckFailedException:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(attempt, range(24)))
    assert sum(won) == 1
    item = either.get_item(TableName="race", Key={"h": {"S": "one"}})["Item"]
    assert item["by"]["N"] == str(won.index(True))


def test_a_token_makes_a_transaction_happen_once(database: Harness) -> None:
    database.table()
    database.put(key(0) | {"n": {"N": "0"}})
    add = [action("Update", 0, 1)]
    for _ in range(3):
        database.call("TransactWriteItems", TransactItems=add, ClientRequestToken="token")
    assert everything(database) == {"k0": 1}
    with pytest.raises(AwsError) as caught:
        database.call(
            "TransactWriteItems", TransactItems=[action("Update", 0, 2)], ClientRequestToken="token"
        )
    assert caught.value.code == "IdempotentParameterMismatchException"
    database.clock.advance(700)
    database.call("TransactWriteItems", TransactItems=add, ClientRequestToken="token")
    assert everything(database) == {"k0": 2}


def test_a_cancelled_transaction_may_be_tried_again_with_its_token(database: Harness) -> None:
    database.table()
    add = [action("Update", 0, 1)]
    with pytest.raises(AwsError):
        database.call("TransactWriteItems", TransactItems=add, ClientRequestToken="token")
    database.put(key(0) | {"n": {"N": "0"}})
    database.call("TransactWriteItems", TransactItems=add, ClientRequestToken="token")
    assert everything(database) == {"k0": 1}


def test_a_cancellation_shows_the_item_where_asked_to(database: Harness) -> None:
    database.table()
    database.put(key(0) | {"n": {"N": "7"}})
    put = action("Put", 0, 1)
    put["Put"]["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    error = database.refused("TransactWriteItems", TransactItems=[action("Put", 1, 1), put])
    assert error.message == (
        "Transaction cancelled, please refer cancellation reasons for specific reasons "
        "[None, ConditionalCheckFailed]"
    )
    assert error.fields["CancellationReasons"] == [
        {"Code": "None"},
        {
            "Code": "ConditionalCheckFailed",
            "Message": "The conditional request failed",
            "Item": {"h": {"S": "k0"}, "n": {"N": "7"}},
        },
    ]


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ([], "Member must have length greater than or equal to 1"),
        ([action("Put", n, 0) for n in range(101)], "Member must have length less than or equal"),
        ([action("Put", 1, 0), action("Delete", 1, 0)], "cannot include multiple operations on"),
        ([action("Put", 1, 0) | action("Delete", 2, 0)], "can only contain one of Check, Put"),
        ([{}], "can only contain one of Check, Put"),
        (
            [{"ConditionCheck": {"TableName": "table", "Key": key(0)}}],
            "conditionExpression' failed to satisfy constraint: Member must not be null",
        ),
    ],
)
def test_wrong_transactions_are_refused(
    database: Harness, actions: list[dict[str, Any]], message: str
) -> None:
    database.table()
    error = database.refused("TransactWriteItems", TransactItems=actions)
    assert error.code == "ValidationException"
    assert message in error.message


def test_an_update_that_cannot_be_applied_cancels(database: Harness) -> None:
    database.table()
    database.put(key(0))
    error = database.refused("TransactWriteItems", TransactItems=[action("Update", 0, 1)])
    reasons: Any = error.fields["CancellationReasons"]
    assert reasons[0]["Code"] == "ValidationError"
    assert "refers to an attribute that does not exist" in reasons[0]["Message"]


def test_reads_of_a_transaction_are_of_one_moment(database: Harness) -> None:
    database.table()
    database.put(key(0) | {"n": {"N": "1"}, "m": {"S": "x"}})
    gets = [
        {"Get": {"TableName": "table", "Key": key(0), "ProjectionExpression": "n"}},
        {"Get": {"TableName": "table", "Key": key(1)}},
    ]
    answer = database.call("TransactGetItems", TransactItems=gets)
    assert answer == {"Responses": [{"Item": {"n": {"N": "1"}}}, {}]}
    error = database.refused("TransactGetItems", TransactItems=[gets[1], gets[1]])
    assert "cannot include multiple operations on one item" in error.message
