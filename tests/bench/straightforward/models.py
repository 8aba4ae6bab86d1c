"""What Timus sends, and what is stored."""

from __future__ import annotations

from datetime import date

from pydantic import AwareDatetime, BaseModel, Field


class Item(BaseModel):
    sku: str
    quantity: int = Field(ge=0)


class Customer(BaseModel):
    id: str
    name: str


class Subscription(BaseModel):
    id: str
    version: int
    customer: Customer
    status: str
    items: list[Item]
    cancel_at: date | None = None


class Change(BaseModel):
    subscription: Subscription
    effective_at: AwareDatetime


class Event(BaseModel):
    """The body of a webhook."""

    type: str
    timestamp: AwareDatetime
    data: Change


class Message(BaseModel):
    """An event in the queue, with its id."""

    id: str
    event: Event


class Mapping(BaseModel):
    """Where a customer's seats go: the contract, and its contract service of each SKU by service id."""

    contract: int
    services: dict[str, int]


class Stored(BaseModel):
    """What is known of a subscription."""

    version: int
    items: dict[str, int]
