"""The numbers of SMPP v3.4 that Ghanti uses."""

from __future__ import annotations

from enum import IntEnum


class Command(IntEnum):
    """`command_id` (section 5.1.2.1)."""

    GENERIC_NACK = 0x80000000
    SUBMIT_SM = 0x00000004
    SUBMIT_SM_RESP = 0x80000004
    DELIVER_SM = 0x00000005
    DELIVER_SM_RESP = 0x80000005
    UNBIND = 0x00000006
    UNBIND_RESP = 0x80000006
    BIND_TRANSCEIVER = 0x00000009
    BIND_TRANSCEIVER_RESP = 0x80000009
    ENQUIRE_LINK = 0x00000015
    ENQUIRE_LINK_RESP = 0x80000015


RESPONSE = 0x80000000
"""The bit that makes a request's `command_id` that of its response."""


class Status(IntEnum):
    """`command_status` (section 5.1.3, table 5-2); an SMSC may send others."""

    ESME_ROK = 0x00
    ESME_RINVMSGLEN = 0x01
    ESME_RINVCMDLEN = 0x02
    ESME_RINVCMDID = 0x03
    ESME_RINVBNDSTS = 0x04
    ESME_RALYBND = 0x05
    ESME_RSYSERR = 0x08
    ESME_RINVSRCADR = 0x0A
    ESME_RINVDSTADR = 0x0B
    ESME_RBINDFAIL = 0x0D
    ESME_RINVPASWD = 0x0E
    ESME_RINVSYSID = 0x0F
    ESME_RMSGQFUL = 0x14
    ESME_RINVSERTYP = 0x15
    ESME_RINVESMCLASS = 0x43
    ESME_RSUBMITFAIL = 0x45
    ESME_RINVSRCTON = 0x48
    ESME_RINVSRCNPI = 0x49
    ESME_RINVDSTTON = 0x50
    ESME_RINVDSTNPI = 0x51
    ESME_RINVSYSTYP = 0x53
    ESME_RTHROTTLED = 0x58
    ESME_RINVSCHED = 0x61
    ESME_RINVEXPIRY = 0x62
    ESME_RX_T_APPN = 0x64
    ESME_RX_P_APPN = 0x65
    ESME_RX_R_APPN = 0x66
    ESME_RUNKNOWNERR = 0xFF


THROTTLES = frozenset({Status.ESME_RTHROTTLED, Status.ESME_RMSGQFUL})
"""Refusals that say "not so fast": nothing was accepted and the same message may go later."""

PERMANENT_REFUSALS = frozenset(
    {
        Status.ESME_RINVMSGLEN,
        Status.ESME_RINVCMDLEN,
        Status.ESME_RINVCMDID,
        Status.ESME_RINVSRCADR,
        Status.ESME_RINVDSTADR,
        Status.ESME_RINVSERTYP,
        Status.ESME_RINVESMCLASS,
        Status.ESME_RINVSRCTON,
        Status.ESME_RINVSRCNPI,
        Status.ESME_RINVDSTTON,
        Status.ESME_RINVDSTNPI,
        Status.ESME_RINVSCHED,
        Status.ESME_RINVEXPIRY,
        Status.ESME_RX_P_APPN,
        Status.ESME_RX_R_APPN,
    }
)
"""Refusals of a submit that the same message would meet again."""

BIND_REFUSALS = frozenset(
    {Status.ESME_RINVPASWD, Status.ESME_RINVSYSID, Status.ESME_RINVSYSTYP, Status.ESME_RBINDFAIL}
)
"""Refusals of a bind that only a changed setting cures; asking again at once may lock the account."""


class Tag(IntEnum):
    """Optional parameters (section 5.3.2)."""

    RECEIPTED_MESSAGE_ID = 0x001E
    NETWORK_ERROR_CODE = 0x0423
    MESSAGE_PAYLOAD = 0x0424
    MESSAGE_STATE = 0x0427


UDH_INDICATOR = 0x40
"""Bit of `esm_class` that announces a user data header (section 5.2.12)."""

RECEIPT_TYPES = 0x3C
"""Bits of `esm_class` that tell a deliver_sm's type: 0x04 a delivery receipt, 0x20 an intermediate one."""


def status_name(status: int) -> str:
    """The specification's name of a status with its value, for logs and people."""
    try:
        return f"{Status(status).name} (0x{status:02X})"
    except ValueError:
        return f"status 0x{status:08X}"
