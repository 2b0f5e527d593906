"""The tables `accounts` and `refresh_tokens`. Table models are never responses."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Computed, DateTime, ForeignKey, LargeBinary, Text, func
from sqlmodel import Field

from taskward.auth.account_ids import SQL_PATTERN as ACCOUNT_ID
from taskward.database.table_model import TableModel


class Account(TableModel, table=True):
    """Somebody who registered here."""

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint(f"id ~ '{ACCOUNT_ID}'", name="id_form"),
        CheckConstraint("char_length(email) BETWEEN 3 AND 254", name="email_length"),
        CheckConstraint("char_length(name) BETWEEN 1 AND 200", name="name_length"),
    )

    id: str = Field(sa_column=Column(Text, primary_key=True))
    email: str = Field(sa_column=Column(Text, nullable=False))
    folded_email: str = Field(
        sa_column=Column(
            Text(collation="C"), Computed('lower(email COLLATE "C")', True), nullable=False, unique=True
        )
    )
    name: str | None = Field(default=None, sa_column=Column(Text))
    password_hash: str = Field(sa_column=Column(Text, nullable=False))
    created_at: datetime = Field(sa_column=Column(DateTime(True), nullable=False, server_default=func.now()))
    disabled_at: datetime | None = Field(default=None, sa_column=Column(DateTime(True)))
    email_verified_at: datetime | None = Field(default=None, sa_column=Column(DateTime(True)))
    reset_link_at: datetime | None = Field(default=None, sa_column=Column(DateTime(True)))


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
