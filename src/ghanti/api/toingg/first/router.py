"""The operations of the first generation, in the order of its documents."""

from __future__ import annotations

from fastapi import APIRouter

from ghanti.api.idempotency import KeyedRoute

router = APIRouter(route_class=KeyedRoute)
