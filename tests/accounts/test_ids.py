import psycopg
import pytest

from taskward.accounts.schemas import UserRead
from taskward.accounts.token_schemas import TokenRead
from taskward.auth.account_ids import SQL_PATTERN, is_account_id, new_account_id

EXPRESSIONS_OF_THE_SCHEMA = """
    SELECT pg_get_constraintdef(oid) FROM pg_constraint
     UNION ALL
    SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef
     UNION ALL
    SELECT prosrc FROM pg_proc
"""
OTHERS = [
    "", "usr_", "usr_" + "a" * 27, "usr_" + "a" * 29, "USR_" + "a" * 28, "usr_" + "A" * 28, "usr_" + "1" * 28,
    "usr_123", "usr_" + "a" * 28 + "\n", " usr_" + "a" * 28, "alice",
]  # fmt: skip


def test_new_ids_are_in_the_form_and_never_twice_the_same() -> None:
    ids = [new_account_id() for _ in range(1000)]
    assert all(map(is_account_id, ids))
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("user_id", OTHERS)
def test_any_other_form_is_that_of_a_user_from_outside(user_id: str) -> None:
    assert not is_account_id(user_id)


def test_every_expression_of_the_schema_has_the_same_form(superuser: psycopg.Connection) -> None:
    expressions = [text for (text,) in superuser.execute(EXPRESSIONS_OF_THE_SCHEMA) if text and "usr_" in text]
    assert any("CHECK" in text for text in expressions)
    assert any("CASE" in text for text in expressions)
    assert all(f"'{SQL_PATTERN}'" in text for text in expressions)


def test_the_examples_of_the_api_are_ids_of_accounts() -> None:
    fields = [UserRead.model_fields["id"], TokenRead.model_fields["user_id"]]
    assert all(is_account_id(example) for field in fields for example in field.examples or [""])
