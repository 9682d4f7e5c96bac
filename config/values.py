"""What a value of the settings may be: names, money, fractions, shares, times."""

from datetime import time
from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

FIRST_HALF_DAY_CLOSE, ORDINARY_CLOSE = time(9, 31), time(16, 0)


def _without_zone(at: time) -> time:
    if at.tzinfo is not None:
        raise PydanticCustomError("time_with_zone", "an exchange time carries no zone")
    return at


Name: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Symbol: TypeAlias = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9.-]{0,14}$")]
Exchange: TypeAlias = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9.]{1,15}$")]
Account: TypeAlias = Annotated[str, Field(min_length=1, max_length=64)]
Money: TypeAlias = Annotated[Decimal, Field(ge=0, le=1_000_000_000)]
Fee: TypeAlias = Annotated[Decimal, Field(ge=0, le=100)]
Ratio: TypeAlias = Annotated[Decimal, Field(ge=0, lt=1)]
Distance: TypeAlias = Annotated[Decimal, Field(ge=0, le=Decimal("0.05"))]
Rate: TypeAlias = Annotated[Decimal, Field(gt=0, le=3)]
Shares: TypeAlias = Annotated[int, Field(strict=True, ge=0, le=10_000_000)]
Flag: TypeAlias = Annotated[bool, Field(strict=True)]
# A trouble may come without a sound; that it does not come at all is nobody's choice.
Loudness: TypeAlias = Literal["on", "silent", "off"]
Alarm: TypeAlias = Literal["on", "silent"]
ChatId: TypeAlias = Annotated[int, Field(strict=True, ge=-(2**52), le=2**52)]
UserId: TypeAlias = Annotated[int, Field(strict=True, ge=1, le=2**52)]
Host: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9.:_-]{1,253}$")]
Port: TypeAlias = Annotated[int, Field(strict=True, ge=1, le=65535)]
Address: TypeAlias = Annotated[str, Field(pattern=r"^(https?|wss?)://\S{1,500}$")]
Clock: TypeAlias = Annotated[time, AfterValidator(_without_zone)]
Close: TypeAlias = Annotated[
    time, Field(ge=FIRST_HALF_DAY_CLOSE, lt=ORDINARY_CLOSE), AfterValidator(_without_zone)
]


class Table(BaseModel):
    """A table of the settings file: nothing unknown in it, nothing changed after it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
