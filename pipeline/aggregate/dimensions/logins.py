"""Logins: those that failed stand in web_logs alone, those that succeeded in both feeds."""

from typing import Final

from pipeline.aggregate.dimensions import traits
from pipeline.aggregate.dimensions.dimension import BOTH, WEB, Narrow
from pipeline.aggregate.dimensions.parts import IP, NETWORK, USER, only

FAILED_BY_IP: Final = Narrow("failed_login_ip", WEB, traits.FAILED_LOGIN, (IP,))
FAILED: Final = Narrow("failed_login", WEB, traits.FAILED_LOGIN, (), members=NETWORK)
ATTEMPTS: Final = Narrow(
    "login_ip", BOTH, traits.LOGIN, (IP,), members=only(USER, traits.ANSWERED), sampled=False
)
"""Members are the accounts that got in: failures then success are errors and members of a key."""
ACCOUNTS: Final = Narrow(
    "login_account",
    BOTH,
    traits.LOGIN,
    (USER,),
    (traits.ANSWERED,),
    members=NETWORK,
    sampled=False,
)
"""From where somebody gets in. A refused login names no account, so that guesses at one account
from many addresses show only once they are right."""

LOGINS: Final = (FAILED_BY_IP, FAILED, ATTEMPTS, ACCOUNTS)
