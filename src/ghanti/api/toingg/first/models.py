"""What the first generation takes, under the names that its documents give it.

Fields that they do not name are taken too, and fill the tags of what is said: they are not in the documents.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ghanti.api.body import parse_json


class _Taken(BaseModel):
    # Programs that read a sheet send numbers and names as numbers.
    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True)

    @property
    def more(self) -> dict[str, Any]:
        """What was sent beyond the fields of the documents."""
        return dict(self.model_extra or {})


def _from_form(value: Any) -> Any:
    return parse_json(value) if isinstance(value, str) else value


class makeCallData(_Taken):  # noqa: N801 - these are the names in the documents
    campaign: str
    name: str
    number: str = Field(alias="phoneNumber")


class makeCallDetailsData(_Taken):  # noqa: N801
    campaign: str = Field(alias="campaignName")
    script: str = Field(alias="campaignScript")
    name: str
    number: str = Field(alias="phoneNumber")


class numberData(_Taken):  # noqa: N801
    name: str = Field(alias="clientName")
    number: str = Field(alias="clientNumber")


class makeBatchCallData(_Taken):  # noqa: N801
    campaign: str
    numbers: Annotated[list[numberData], BeforeValidator(_from_form)] = Field(alias="numberList")


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
