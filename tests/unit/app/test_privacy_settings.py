"""Settings of privacy: what is wrong stops at start, in a sentence without the key."""

import json

import pytest
from joserfc.jwk import OctKey

from pipeline.app import wiring
from pipeline.app.erasing import ids_of
from pipeline.app.settings import Settings
from pipeline.domain.errors import OurMistake, SettingsError

KEY = "0123456789abcdef" * 4


def test_without_settings_nothing_is_replaced_and_nothing_sealed() -> None:
    protection = wiring.protection(Settings())
    assert (protection.privacy, protection.seal) == (None, None)


def test_the_choices_reach_the_rules() -> None:
    settings = Settings(privacy="pseudonymise", privacy_key=KEY, privacy_ips="truncate")
    privacy = wiring.privacy(settings)
    assert privacy is not None
    assert (privacy.rules.ips, privacy.rules.users) == ("truncate", "pseudonymise")


@pytest.mark.parametrize("key", [None, "abc", "secret" * 20, KEY[:62]])
def test_a_missing_or_weak_key_is_refused_and_not_quoted(key: str | None) -> None:
    settings = Settings(privacy="pseudonymise", privacy_key=key)
    with pytest.raises(SettingsError, match="openssl rand -hex 32") as refused:
        wiring.protection(settings)
    assert key is None or key not in str(refused.value)


def test_a_dead_letter_key_seals_and_a_wrong_one_is_refused() -> None:
    key = json.dumps(OctKey.generate_key(256).as_dict(private=True))
    assert wiring.protection(Settings(dead_letter_key=key)).seal is not None
    with pytest.raises(SettingsError, match="DEAD_LETTER_KEY"):
        wiring.protection(Settings(dead_letter_key="no key"))


def test_a_person_is_erased_by_their_own_id_and_by_their_pseudonym() -> None:
    shard = 10**13
    plain = Settings(home_shard=7)
    assert ids_of(plain, 5) == ids_of(plain, 7 * shard + 5) == (5,)
    hidden = Settings(home_shard=7, privacy="pseudonymise", privacy_key=KEY)
    own, pseudonym = ids_of(hidden, 7 * shard + 5)
    assert own == 5
    assert pseudonym < 0
    assert ids_of(hidden, pseudonym) == (pseudonym,)
    with pytest.raises(OurMistake):
        ids_of(plain, 0)


@pytest.mark.parametrize("privacy", ["none", "pseudonymise"])
def test_a_global_id_is_refused_when_nothing_says_which_shard_is_home(privacy: str) -> None:
    settings = Settings(privacy=privacy, privacy_key=KEY)
    with pytest.raises(SettingsError, match="CANVAS_TELEMETRY_HOME_SHARD"):
        ids_of(settings, 7 * 10**13 + 5)
    assert ids_of(settings, 5)[0] == 5
