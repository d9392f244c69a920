"""A chat that takes Slack's incoming webhooks: Slack, Mattermost, Rocket.Chat, Discord's /slack.

https://api.slack.com/messaging/webhooks: one JSON object with ``text``; ``&``, ``<`` and ``>`` are
escaped, or a key could name people and channels.
"""

import json

import aiohttp

from pipeline.app.notify.book import Kind
from pipeline.app.notify.channels import CALM
from pipeline.app.notify.http import post
from pipeline.app.notify.notices import Notice
from pipeline.app.notify.templates import Templates

_JSON = {"Content-Type": "application/json; charset=utf-8"}


class Slack:
    """Posts what people are told of, in the words of the template ``slack.txt``."""

    name = "slack"
    kinds: frozenset[Kind] = CALM

    def __init__(self, session: aiohttp.ClientSession, url: str, templates: Templates) -> None:
        self._session = session
        self._url = url
        self._templates = templates

    async def send(self, notice: Notice) -> None:
        """Post a line or two."""
        text = self._templates.text("slack.txt", notice)
        for raw, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            text = text.replace(raw, escaped)
        await post(self._session, self._url, json.dumps({"text": text}).encode(), _JSON)
