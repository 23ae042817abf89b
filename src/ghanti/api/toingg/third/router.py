"""The operations of the third generation."""

from __future__ import annotations

from fastapi import APIRouter

from ghanti.api.idempotency import KeyedRoute

router = APIRouter(route_class=KeyedRoute)
