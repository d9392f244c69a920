"""Who sends requests: person, session, device, network."""

import json

from pipeline.simulator.instance import (
    HOST,
    ROOT_ACCOUNT_ID,
    ROOT_ACCOUNT_LTI_GUID,
    ROOT_ACCOUNT_UUID,
    global_id,
)
from pipeline.simulator.person import Person

LIVE_ROOT = (
    f'"producer":"canvas","root_account_id":"{global_id(ROOT_ACCOUNT_ID)}"'
    f',"root_account_uuid":"{ROOT_ACCOUNT_UUID}"'
    f',"root_account_lti_guid":"{ROOT_ACCOUNT_LTI_GUID}"'
)


class Client:
    """One sender, with the parts of its lines that stay the same rendered once.

    `person` is the current user, a masquerade's target included; `real` is the person behind a
    masquerade; `session` is 32 hex digits. Any of them may be missing.
    """

    __slots__ = (
        "agent",
        "developer_key",
        "http_version",
        "ip",
        "live",
        "live_role",
        "person",
        "real",
        "session",
        "web_log_agent",
        "web_log_net",
        "web_log_session",
        "web_log_who",
    )

    def __init__(
        self,
        *,
        person: Person | None,
        session: str | None,
        ip: str,
        agent: str | None,
        developer_key: int | None = None,
        http_version: str = "2.0",
        real: Person | None = None,
    ) -> None:
        self.person = person
        self.real = real
        self.session = session
        self.ip = ip
        self.agent = agent
        self.developer_key = developer_key
        self.http_version = http_version
        self._render_web_log()
        self._render_live()

    def moved_to(self, ip: str) -> "Client":
        """Give the same sender in another network."""
        return self._changed(self.person, self.real, self.session, ip, self.developer_key)

    def logged_in(self, person: Person, session: str) -> "Client":
        """Give the sender after a login: Canvas makes a new session id."""
        return self._changed(person, None, session, self.ip, self.developer_key)

    def acting_as(self, target: Person) -> "Client":
        """Give the sender masquerading: the user changes, everything else stays."""
        real = self.real or self.person
        return self._changed(target, real, self.session, self.ip, self.developer_key)

    def _changed(
        self,
        person: Person | None,
        real: Person | None,
        session: str | None,
        ip: str,
        developer_key: int | None,
    ) -> "Client":
        return Client(
            person=person,
            real=real,
            session=session,
            ip=ip,
            agent=self.agent,
            developer_key=developer_key,
            http_version=self.http_version,
        )

    def _render_web_log(self) -> None:
        who = "" if self.person is None else f'"user_id":{self.person.user_id},'
        if self.real is not None:
            who += f'"real_user_id":{self.real.user_id},'
        self.web_log_who = who
        self.web_log_net = f'"http_version":"{self.http_version}","remote_ip":"{self.ip}",'
        s = self.session
        self.web_log_session = (
            "" if s is None else f'"session_id":"{s[:8]}-{s[8:12]}-{s[12:16]}-{s[16:20]}-{s[20:]}",'
        )
        if self.developer_key is not None:
            self.web_log_session += f'"developer_key_id":{self.developer_key},'
        self.web_log_agent = "" if self.agent is None else f',"user_agent":{json.dumps(self.agent)}'

    def _render_live(self) -> None:
        session = "null" if self.session is None else f'"{self.session}"'
        parts = [
            LIVE_ROOT,
            f'"session_id":{session},"hostname":"{HOST}","client_ip":"{self.ip}"',
            f'"user_agent":{json.dumps(self.agent)}',
        ]
        self.live_role = ""
        if self.person is not None:
            person = self.person
            sis = "null" if person.kind == "service" else f'"S{person.index:06d}"'
            parts.append(
                f'"user_id":"{global_id(person.user_id)}","user_login":"{person.login}"'
                f',"user_account_id":"{global_id(ROOT_ACCOUNT_ID)}","user_sis_id":{sis}'
            )
            if person.role is not None:
                self.live_role = f',"context_role":"{person.role}"'
        if self.real is not None:
            parts.append(f'"real_user_id":"{global_id(self.real.user_id)}"')
        if self.developer_key is not None:
            parts.append(f'"developer_key_id":"{global_id(self.developer_key)}"')
        self.live = ",".join(parts)
