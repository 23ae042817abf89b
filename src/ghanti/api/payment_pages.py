"""The pages that people see when they have paid or went back, where the operator has none of their own."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from ghanti.payments.service import CANCEL_PAGE, SUCCESS_PAGE

router = APIRouter(include_in_schema=False)

_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width"><title>{title}</title>'
    '<body style="font-family: sans-serif; max-width: 30em; margin: 3em auto; padding: 0 1em">'
    '<h1>{title}</h1><p>{english}</p><p lang="ne">{nepali}</p></body></html>'
)


@router.get(SUCCESS_PAGE)
async def success() -> HTMLResponse:
    return _page(
        "Thank you",
        "Your credits are added as soon as the payment is confirmed. You can close this page.",
        "भुक्तानी पुष्टि हुनेबित्तिकै तपाईंको क्रेडिट थपिनेछ। यो पृष्ठ बन्द गर्न सक्नुहुन्छ।",
    )


@router.get(CANCEL_PAGE)
async def cancelled() -> HTMLResponse:
    return _page(
        "Not paid",
        "Nothing was paid. You can close this page, and buy credits at another time.",
        "कुनै भुक्तानी भएन। यो पृष्ठ बन्द गर्न सक्नुहुन्छ, क्रेडिट पछि पनि किन्न सकिन्छ।",
    )


def _page(title: str, english: str, nepali: str) -> HTMLResponse:
    return HTMLResponse(_PAGE.format(title=title, english=english, nepali=nepali))
