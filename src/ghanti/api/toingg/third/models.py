"""What the third generation takes. Fields that are not named here are taken too."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

_LONGEST_NAME = 255
_LONGEST_SCRIPT = 10_000

Title = Annotated[str, Field(max_length=_LONGEST_NAME)]
ObjectId = Annotated[
    str, Field(description="24 hexadecimal digits, as create_campaign and get_campaigns answer them")
]


class _Taken(BaseModel):
    # Programs that read a sheet send numbers and names as numbers.
    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True, alias_generator=to_camel)


class CampaignData(_Taken):
    """A campaign's fields; those that a client leaves out, or sends as null, stay as they are."""

    def fields(self) -> dict[str, Any]:
        """What was sent, of the types that it is read as."""
        sent = self.model_dump(exclude_unset=True, by_alias=True)
        return {name: value for name, value in sent.items() if value is not None or name not in _NAMED}

    title: Title | None = None
    voice: Title | None = Field(None, description="A name of get_supported_voices")
    language: Title | None = Field(None, description="One of get_supported_languages")
    script: str | None = Field(
        None, max_length=_LONGEST_SCRIPT, description="Spoken word for word; asks for keys where it says so"
    )
    purpose: str | None = None
    knowledge_base: str | None = Field(None, description="Kept as text; never fetched")
    calendar: str | None = None
    first_line: str | None = Field(None, max_length=_LONGEST_SCRIPT, description="Spoken before the script")
    tone: str | None = None
    post_call_analysis: bool | None = None
    post_call_analysis_schema: dict[str, Any] | None = None
    description: str | None = Field(None, max_length=_LONGEST_SCRIPT)
    system_prompt: str | None = None
    is_freeflow: bool | None = None


_NAMED = frozenset(to_camel(name) for name in CampaignData.model_fields)


class NewCampaign(CampaignData):
    """A campaign to be made."""

    title: Title


class UpdateCampaign(_Taken):
    """Changes of a campaign."""

    changes: CampaignData = Field(alias="campaignModelData")
    object_id: ObjectId = Field(validation_alias=AliasChoices("campId", "campID", "campaignId"))


def _object(value: Any) -> Any:
    return {} if value is None else value


class MakeCall(_Taken):
    name: Title
    number: str = Field(alias="phoneNumber")
    object_id: ObjectId = Field(validation_alias=AliasChoices("campID", "campId", "campaignId"))
    extra: Annotated[dict[str, Any], BeforeValidator(_object)] = Field(
        default_factory=dict, alias="extraParams", description="Fill the tags of the campaign's script"
    )


class NewContact(_Taken):
    """An item of a list of contacts, as the documents show it; the rules of contacts read it."""

    name: str
    phone: str = Field(description="Digits with the country code")
    extra: dict[str, Any] = Field(default_factory=dict, alias="extraParams")


class NameValue(_Taken):
    name: str
    value: Any = None


class Webhook(_Taken):
    """A request that a key press orders, where a script has ``[1: yes -> name]``."""

    name: Title
    path: str
    method: Annotated[
        Literal["GET", "POST", "PUT", "DELETE"],
        BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value),
    ]
    description: str | None = None
    headers: dict[str, Any] | list[NameValue] | None = None
    params: dict[str, Any] | list[NameValue] | None = None
    json_data: dict[str, Any] | None = Field(None, alias="json_data")


class NewKey(_Taken):
    face: Literal["tingting", "toingg"] = "toingg"


MODELS: tuple[type[BaseModel], ...] = (
    CampaignData,
    MakeCall,
    NameValue,
    NewCampaign,
    NewContact,
    NewKey,
    UpdateCampaign,
    Webhook,
)
