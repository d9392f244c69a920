"""Background jobs: what a SIS import changes, told by Live Events without request or user."""

from typing import Final

from pipeline.domain.event_time import MINUTE
from pipeline.simulator.dice import Dice
from pipeline.simulator.events import course_updated
from pipeline.simulator.instance import global_id
from pipeline.simulator.request import Audit, JobEvent
from pipeline.simulator.times import iso_s
from pipeline.simulator.world import World

SIS_TAG: Final = "SIS::CSV::ImportRefactored#run_parallel_importer"
STATE_TAG: Final = "EnrollmentState.process_account_states_in_ranges"
CHANGES_PER_USER: Final = 0.05
IMPORT_LASTS: Final = 9 * MINUTE


def sis_changes(world: World, at: int, dice: Dice) -> list[JobEvent]:
    """Make the events of one import: enrolments, their states, some courses."""
    events: list[JobEvent] = []
    job_id = str(1_000_000_000_000_000 + dice.below(10**15))
    for _ in range(20 + int(world.config.users * CHANGES_PER_USER)):
        when = at + MINUTE + int(dice.uniform() * IMPORT_LASTS)
        when -= when % 1_000
        kind = dice.uniform()
        if kind < 0.6:
            name = "enrollment_created" if kind < 0.25 else "enrollment_updated"
            events.append(JobEvent(when, name, enrollment(world, when, dice), job_id, SIS_TAG))
        elif kind < 0.9:
            body = _state(when, dice)
            events.append(JobEvent(when, "enrollment_state_updated", body, job_id, STATE_TAG))
        else:
            course = dice.pick(world.university.courses)
            body = course_updated(course, when, "available")
            noted = (Audit("updated", course.id, '{"name":["Course","Course (SIS)"]}'),)
            events.append(JobEvent(when, "course_updated", body, job_id, SIS_TAG, noted))
    return [event for event in events if world.start_us <= event.time_us < world.end_us]


def enrollment(world: World, at: int, dice: Dice, state: str = "active") -> str:
    """Make the body of one enrolment's change."""
    course = dice.pick(world.university.courses)
    person = dice.pick(world.university.people)
    return (
        f'{{"associated_user_id":null,"course_id":"{global_id(course.id)}"'
        f',"course_section_id":"{global_id(course.id + 50_000)}","created_at":"{iso_s(at)}"'
        f',"enrollment_id":"{global_id(2_000_000 + dice.below(1_000_000))}"'
        f',"limit_privileges_to_course_section":false,"type":"StudentEnrollment"'
        f',"updated_at":"{iso_s(at)}","user_id":"{global_id(person.user_id)}"'
        f',"user_name":"Person {person.index}","workflow_state":"{state}"}}'
    )


def _state(at: int, dice: Dice) -> str:
    enrollment = global_id(2_000_000 + dice.below(1_000_000))
    return (
        f'{{"access_is_current":true,"enrollment_id":"{enrollment}"'
        f',"restricted_access":false,"state":"active","state_is_current":true'
        f',"state_started_at":"{iso_s(at)}","state_valid_until":null}}'
    )
