"""The one simulated Canvas instance: its host, root account and id scheme.

Global ids are shard x 10^13 + local id; Live Events write them as strings, web_logs write the
local form for the home shard and the global form for people of other institutions.
"""

HOST = "canvas.example.edu"
SHARD = 2107
FOREIGN_SHARD = 3041
SHARD_SIZE = 10**13
ROOT_ACCOUNT_ID = 1
ROOT_ACCOUNT_UUID = "VxExampleRootAccountUuid0000000000000000"
ROOT_ACCOUNT_LTI_GUID = f"{ROOT_ACCOUNT_UUID}.{HOST}"

MOBILE_KEY_IDS = {"ios": 21, "android": 22}


def global_id(number: int) -> str:
    """Write an id as Live Events do; one that is global already stays."""
    return str(number if number >= SHARD_SIZE else SHARD * SHARD_SIZE + number)
