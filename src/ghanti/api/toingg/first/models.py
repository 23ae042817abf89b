"""What the first generation takes, under the names that its documents give it.

Fields that they do not name are taken too, and fill the tags of what is said: they are not in the documents.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ghanti.api.body import parse_json
from ghanti.api.toingg.errors import MOST_ITEMS

_LONGEST_NAME = 255
_LONGEST_SCRIPT = 10_000


class _Taken(BaseModel):
    # Programs that read a sheet send numbers and names as numbers.
    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True)

    @property
    def more(self) -> dict[str, Any]:
        """What was sent beyond the fields of the documents."""
        return dict(self.model_extra or {})


class makeCallData(_Taken):  # noqa: N801 - these are the names in the documents
    campaign: str
    name: str
    number: str = Field(alias="phoneNumber")


class makeCallDetailsData(_Taken):  # noqa: N801
    campaign: str = Field(alias="campaignName", max_length=_LONGEST_NAME)
    script: str = Field(alias="campaignScript", max_length=_LONGEST_SCRIPT)
    name: str
    number: str = Field(alias="phoneNumber")


class numberData(_Taken):  # noqa: N801
    name: str = Field(alias="clientName")
    number: str = Field(alias="clientNumber")


def _one_by_one(value: Any) -> Any:
    """A list whose good items are taken already, one after the other: all at once would let no thread go on.

    It ends with the last bad item that is told of. A form holds it as JSON.
    """
    items = parse_json(value) if isinstance(value, str) else value
    if not isinstance(items, list):
        return items
    taken: list[Any] = []
    bad = 0
    for item in items:
        try:
            taken.append(numberData.model_validate(item))
        except ValidationError:
            taken.append(item)
            bad += 1
            if bad == MOST_ITEMS:
                break
    return taken


class makeBatchCallData(_Taken):  # noqa: N801
    campaign: str
    numbers: Annotated[list[numberData], BeforeValidator(_one_by_one)] = Field(alias="numberList")


class smsData(_Taken):  # noqa: N801
    name: str
    number: str = Field(alias="phoneNumber")
    message: str


class APIKey(_Taken):
    apikey: str


MODELS: tuple[type[BaseModel], ...] = (
    APIKey,
    makeBatchCallData,
    makeCallData,
    makeCallDetailsData,
    numberData,
    smsData,
)
