"""Texts of messages: ``$name`` stands for a field of the notice (``string.Template``).

A file of the same name in the templates directory takes a built-in text's place.
"""

from pathlib import Path
from string import Template
from typing import Final

from pipeline.app.notify.notices import Notice, example
from pipeline.codecs.cloud_events import SITE
from pipeline.domain.errors import SettingsError

BUILT_IN: Final = {
    "slack.txt": (
        "*[$what_happened] $title* ($severity, $site)\n"
        "$explanation\n"
        "_What to do:_ $action\n"
        "$window_start to $window_end · rule $rule · canvas-telemetry alerts show $episode"
    ),
    "email_subject.txt": "[$what_happened] $title ($severity, $site)",
    "email_body.txt": (
        "$explanation\n\n"
        "What to do: $action\n\n"
        "Severity:     $severity\n"
        "Window:       $window_start to $window_end\n"
        "Observed:     $observed (expected $expected, threshold $threshold)\n"
        "Contributing: $contributing\n"
        "Feeds:        $feeds\n"
        "Requests:     $samples\n"
        "Rule:         $rule, version $rule_version, owner $owner\n"
        "Episode:      $episode\n"
        "Suppressed:   $suppressed\n\n"
        "Evidence:\n$evidence_query\n\n"
        "$caveat\n"
    ),
}


class Templates:
    """The texts in force. Raises SettingsError for a file that names a field there is not."""

    def __init__(self, directory: Path | None = None, site: str = SITE) -> None:
        self._site = site
        self._texts = {name: Template(text) for name, text in BUILT_IN.items()}
        if directory is None:
            return
        found = sorted(path for path in directory.glob("*.txt"))
        if not found:
            raise SettingsError(f"there are no templates in {directory}: {', '.join(BUILT_IN)}")
        for path in found:
            if path.name not in BUILT_IN:
                raise SettingsError(f"{path} is no template; there are {', '.join(BUILT_IN)}")
            self._texts[path.name] = _checked(path)

    def text(self, name: str, notice: Notice) -> str:
        """Return a text about a notice."""
        return self._texts[name].substitute(notice.fields(self._site))


def _checked(path: Path) -> Template:
    template = Template(path.read_text(encoding="utf-8"))
    try:
        template.substitute(example(0).fields())
    except KeyError as error:
        raise SettingsError(f"{path}: there is no field ${error.args[0]}") from None
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from None
    return template
