"""Attacks on what administers the instance: logins, themes, tools, roles."""

from typing import Final

from pipeline.simulator import routes
from pipeline.simulator.attacks import paths
from pipeline.simulator.attacks.drill import ANY_HOUR, DAYTIME, Drill, attack
from pipeline.simulator.attacks.scene import Scene
from pipeline.simulator.request import Route


def open_a_door(scene: Scene) -> None:
    """Add a login provider, and change it until it works."""
    _change(scene, (paths.NEW_LOGIN_PROVIDER, paths.CHANGED_LOGIN_PROVIDER))


def add_accomplices(scene: Scene) -> None:
    """Make others administrators."""
    _change(scene, (paths.NEW_ADMIN,))


def deface(scene: Scene) -> None:
    """Put scripts into the theme, again and again until they work."""
    _change(scene, (paths.NEW_THEME, paths.APPLIED_THEME))


def install_tools(scene: Scene) -> None:
    """Install tools and keys, and widen roles."""
    _change(scene, (paths.NEW_TOOL, paths.NEW_KEY, paths.CHANGED_ROLE, paths.NEW_ROLE))


def _change(scene: Scene, changes: tuple[Route, ...]) -> None:
    journey = scene.journey(scene.at_home(scene.somebody("admin")), scene.moment.start_us)
    journey.open((routes.SETTINGS, routes.GRAPHQL), None)
    for number, at in enumerate(scene.clock(scene.size)):
        journey.at = max(journey.at, at)
        route = changes[number % len(changes)]
        journey.ask(route, None, 2 + number, status=route.status)


_ADMIN: Final = ("admin_", "course_")

ADMINISTRATION_ATTACKS: Final[tuple[Drill, ...]] = (
    *attack(
        "login-provider-added", open_a_door, (1, 3, 6), rule="admin_surface_logins", minutes=20,
        hours=ANY_HOUR, also=_ADMIN, detail="A login provider is added and changed.",
    ),
    *attack(
        "admins-added", add_accomplices, (1, 3, 6), rule="admin_surface_logins", minutes=20,
        hours=ANY_HOUR, also=_ADMIN, detail="Somebody makes others administrators.",
    ),
    *attack(
        "theme-changed", deface, (2, 5, 12), rule="admin_surface_burst", minutes=20,
        hours=ANY_HOUR, also=_ADMIN, detail="Scripts are put into the theme.",
    ),
    *attack(
        "tools-installed", install_tools, (2, 6, 12), rule="admin_surface_burst", minutes=30,
        hours=DAYTIME, also=_ADMIN, detail="Tools, keys and roles are changed.",
    ),
)  # fmt: skip
