"""The tables of accounts, identities, log-ins and personal tokens. Table models are never responses."""

from datetime import date, datetime

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    ForeignKey,
    LargeBinary,
    Text,
    func,
)
from sqlmodel import Field

from taskward.auth.account_ids import SQL_PATTERN as ACCOUNT_ID
from taskward.database.table_model import TableModel


class Account(TableModel, table=True):
    """Somebody who registered here, or came from another provider: then perhaps without an address."""

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint(f"id ~ '{ACCOUNT_ID}'", name="id_form"),
        CheckConstraint("char_length(email) BETWEEN 3 AND 254", name="email_length"),
        CheckConstraint("char_length(name) BETWEEN 1 AND 200", name="name_length"),
    )

    id: str = Field(sa_column=Column(Text, primary_key=True))
    email: str | None = Field(default=None, sa_column=Column(Text))
    folded_email: str | None = Field(
        default=None,
        sa_column=Column(Text(collation="C"), Computed('lower(email COLLATE "C")', True), unique=True),
    )
    name: str | None = Field(default=None, sa_column=Column(Text))
    password_hash: str | None = Field(default=None, sa_column=Column(Text))
    created_at: datetime = Field(sa_column=Column(DateTime(True), nullable=False, server_default=func.now()))
    disabled_at: datetime | None = Field(default=None, sa_column=Column(DateTime(True)))
    email_verified_at: datetime | None = Field(default=None, sa_column=Column(DateTime(True)))
    reset_link_at: datetime | None = Field(default=None, sa_column=Column(DateTime(True)))


class Identity(TableModel, table=True):
    """Who an account is at the provider that it logs in with."""

    __tablename__ = "identities"
    __table_args__ = (
        CheckConstraint("char_length(issuer) BETWEEN 1 AND 2000", name="issuer_length"),
        CheckConstraint("char_length(subject) BETWEEN 1 AND 255", name="subject_length"),
    )

    issuer: str = Field(sa_column=Column(Text, primary_key=True))
    subject: str = Field(sa_column=Column(Text, primary_key=True))
    account_id: str = Field(
        sa_column=Column(Text, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, unique=True)
    )
    created_at: datetime = Field(sa_column=Column(DateTime(True), nullable=False, server_default=func.now()))


class RefreshTokenFamily(TableModel, table=True):
    """Where the refresh tokens that began with one log-in stand."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        CheckConstraint(
            "octet_length(family_hash) = 32 AND octet_length(current_hash) = 32"
            " AND octet_length(previous_hash) = 32",
            name="hash_lengths",
        ),
        CheckConstraint("char_length(client) BETWEEN 1 AND 100", name="client_length"),
        CheckConstraint("char_length(address) BETWEEN 1 AND 100", name="address_length"),
    )

    family_hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    account_id: str = Field(
        sa_column=Column(
            Text,
            ForeignKey("accounts.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        )
    )
    current_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    previous_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    rotated_at: datetime = Field(sa_column=Column(DateTime(True), nullable=False, server_default=func.now()))
    expires_at: datetime = Field(sa_column=Column(DateTime(True), nullable=False, index=True))
    created_at: datetime = Field(sa_column=Column(DateTime(True), nullable=False, server_default=func.now()))
    client: str | None = Field(default=None, sa_column=Column(Text))
    address: str | None = Field(default=None, sa_column=Column(Text))


class PersonalToken(TableModel, table=True):
    """A token that a user made for a script. Only its hash is here."""

    __tablename__ = "personal_tokens"
    __table_args__ = (
        CheckConstraint("octet_length(token_hash) = 32", name="hash_length"),
        CheckConstraint("char_length(name) BETWEEN 1 AND 100", name="name_length"),
    )

    user_id: str = Field(
        sa_column=Column(Text, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, nullable=False)
    )
    id: str = Field(sa_column=Column(Text, primary_key=True))
    token_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False, index=True))
    name: str = Field(sa_column=Column(Text, nullable=False))
    scopes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    created_at: datetime = Field(sa_column=Column(DateTime(True), nullable=False, server_default=func.now()))
    expires_at: datetime = Field(sa_column=Column(DateTime(True), nullable=False))
    last_used_on: date | None = Field(default=None, sa_column=Column(Date))


class EndedToken(TableModel, table=True):
    """The hash of a personal token that was deleted, until every worker has heard of it."""

    __tablename__ = "ended_tokens"

    token_hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    ended_at: datetime = Field(
        sa_column=Column(DateTime(True), primary_key=True, server_default=func.now(), index=True)
    )
