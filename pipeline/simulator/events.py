"""Bodies of the Live Events that requests cause.

Fields and which of their ids are global follow Instructure's event documentation; all bodies
are JSON text, built directly because a dict and `json.dumps` cost three times as much.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from pipeline.simulator.client import Client
from pipeline.simulator.dice import Dice
from pipeline.simulator.instance import HOST, ROOT_ACCOUNT_ID, SHARD_SIZE, global_id
from pipeline.simulator.person import Course, Person
from pipeline.simulator.request import LiveEvent, Route
from pipeline.simulator.times import iso_s


class Occasion(NamedTuple):
    """What a maker of event bodies may look at; `subject` is whose work a grader graded."""

    time_us: int
    client: Client
    route: Route
    course: Course | None
    item: int
    subject: Person | None
    dice: Dice


def live_events(occasion: Occasion) -> tuple[LiveEvent, ...]:
    """Make the events a successful request causes; most API requests cause none."""
    return MAKERS[occasion.route.emits](occasion)


def _asset(o: Occasion) -> tuple[LiveEvent, ...]:
    asset = o.route.asset
    if asset is None or o.course is None or o.client.person is None:
        return ()
    if asset.type == "course":
        name, number = o.course.name, o.course.id
    else:
        name, number = f"{o.course.name}: {asset.type} {o.item % 100 + 1}", o.item
    role = o.client.person.role
    more = ""
    if asset.type == "attachment":
        more = f',"filename":"notes-{o.item}.pdf","display_name":"notes-{o.item}.pdf"'
    elif asset.type == "context_external_tool":
        more = ',"url":"https://tool.example.com/lti/","domain":"tool.example.com"'
    return (
        LiveEvent(
            "asset_accessed",
            f'{{"asset_name":"{name}","asset_type":"{asset.type}"'
            f',"asset_id":"{global_id(number)}","asset_subtype":{_text(asset.subtype)}'
            f',"category":"{asset.category}","role":{_text(role)}'
            f',"level":{_text(asset.level)}{more}}}',
        ),
    )


def _logged_in(_: Occasion) -> tuple[LiveEvent, ...]:
    return (LiveEvent("logged_in", f'{{"redirect_url":"https://{HOST}/"}}'),)


def _logged_out(_: Occasion) -> tuple[LiveEvent, ...]:
    return (LiveEvent("logged_out", "{}"),)


def _submission(o: Occasion) -> tuple[LiveEvent, ...]:
    if o.client.person is None:
        return ()
    name = "submission_created" if o.dice.chance(0.8) else "submission_updated"
    return (LiveEvent(name, _submission_body(o, o.client.person, 1 + o.dice.below(3))),)


def _tool_submission(o: Occasion) -> tuple[LiveEvent, ...]:
    if o.subject is None:
        return ()
    return (LiveEvent("submission_created", _submission_body(o, o.subject, 1)),)


def _submission_body(o: Occasion, owner: Person, attempt: int) -> str:
    at = iso_s(o.time_us)
    return (
        f'{{"assignment_id":"{global_id(o.item)}","attempt":{attempt}'
        f',"body":"Example answer.","grade":null,"graded_at":null,"group_id":null,"late":false'
        f',"lti_assignment_id":"00000000-0000-4000-8000-{o.item:012d}","lti_user_id":null'
        f',"missing":false,"score":null,"submission_id":"{global_id(_submission_id(o, owner))}"'
        f',"submission_type":"online_text_entry","submitted_at":"{at}","updated_at":"{at}"'
        f',"url":null,"user_id":"{global_id(owner.user_id)}","workflow_state":"submitted"}}'
    )


def _grade(o: Occasion) -> tuple[LiveEvent, ...]:
    if o.subject is None or o.client.person is None:
        return ()
    score = 10 + o.dice.below(11)
    # One grade in nine corrects an earlier one, up or down; no draw, so that nothing else moves.
    place = o.item + 7 * o.subject.index
    old = None if place % 9 else 10 + place % 11
    return (grade_change(o.client.person, o.item, o.subject, old, score),)


def grade_change(
    grader: Person, item: int, student: Person, old: int | None, score: int
) -> LiveEvent:
    """Make the event of one grade given (`old` None) or changed, of 20 points."""
    before = "null" if old is None else str(old)
    told = "null" if old is None else f'"{old}"'
    number = global_id(student.user_id)
    submission = global_id((item * 1_000 + student.index) % SHARD_SIZE)
    return LiveEvent(
        "grade_change",
        f'{{"assignment_id":"{global_id(item)}","grade":"{score}"'
        f',"grader_id":"{global_id(grader.user_id)}","grading_complete":true'
        f',"muted":false,"old_grade":{told},"old_points_possible":20,"old_score":{before}'
        f',"points_possible":20,"score":{score},"student_id":"{number}"'
        f',"student_sis_id":"S{student.index:06d}","submission_id":"{submission}"'
        f',"user_id":"{number}"}}',
    )


def course_updated(course: Course, at: int, state: str) -> str:
    """Make the body of a course's change: its name, times and state."""
    return (
        f'{{"account_id":"{global_id(ROOT_ACCOUNT_ID)}","course_id":"{global_id(course.id)}"'
        f',"created_at":"2025-12-01T08:00:00Z","name":"{course.name}","updated_at":"{iso_s(at)}"'
        f',"uuid":"ExampleCourseUuid{course.id:023d}","workflow_state":"{state}"}}'
    )


def _quiz_submitted(o: Occasion) -> tuple[LiveEvent, ...]:
    if o.client.person is None:
        return ()
    submission = global_id(_submission_id(o, o.client.person))
    body = f'{{"quiz_id":"{global_id(o.item)}","submission_id":"{submission}"}}'
    return (LiveEvent("quiz_submitted", body),)


def _entry(o: Occasion) -> tuple[LiveEvent, ...]:
    user = 0 if o.client.person is None else o.client.person.user_id % SHARD_SIZE
    return (
        LiveEvent(
            "discussion_entry_created",
            f'{{"created_at":"{iso_s(o.time_us)}","discussion_entry_id":"{_new_id(o)}"'
            f',"discussion_topic_id":"{o.item}","parent_discussion_entry_id":null'
            f',"text":"<p>Example reply.</p>","user_id":"{user}"}}',
        ),
    )


def _conversation(o: Occasion) -> tuple[LiveEvent, ...]:
    body = f'{{"conversation_id":"{o.item}","updated_at":"{iso_s(o.time_us)}"}}'
    return (LiveEvent("conversation_created", body), *_message(o))


def _message(o: Occasion) -> tuple[LiveEvent, ...]:
    user = 0 if o.client.person is None else o.client.person.user_id % SHARD_SIZE
    return (
        LiveEvent(
            "conversation_message_created",
            f'{{"author_id":"{user}","conversation_id":"{o.item}"'
            f',"created_at":"{iso_s(o.time_us)}","message_id":"{_new_id(o)}"}}',
        ),
    )


def _assignment_updated(o: Occasion) -> tuple[LiveEvent, ...]:
    if o.course is None:
        return ()
    return (
        LiveEvent(
            "assignment_updated",
            f'{{"assignment_group_id":"{global_id(o.course.id)}"'
            f',"assignment_id":"{global_id(o.item)}","context_id":"{global_id(o.course.id)}"'
            f',"context_type":"Course","created_on_blueprint_sync":false'
            f',"description":"<p>Example.</p>","domain":"{HOST}","due_at":null,"lock_at":null'
            f',"points_possible":20,"submission_types":"online_text_entry"'
            f',"title":"Assignment {o.item % 100 + 1}","unlock_at":null'
            f',"updated_at":"{iso_s(o.time_us)}","workflow_state":"published"}}',
        ),
    )


def _page_updated(o: Occasion) -> tuple[LiveEvent, ...]:
    return (
        LiveEvent(
            "wiki_page_updated",
            f'{{"body":"<p>New.</p>","old_body":"<p>Old.</p>","title":"Week {o.item % 100 + 1}"'
            f',"old_title":"Week {o.item % 100 + 1}","wiki_page_id":"{global_id(o.item)}"}}',
        ),
    )


def _topic_created(o: Occasion) -> tuple[LiveEvent, ...]:
    if o.course is None:
        return ()
    return (
        LiveEvent(
            "discussion_topic_created",
            f'{{"assignment_id":null,"body":"<p>News.</p>","context_id":"{o.course.id}"'
            f',"context_type":"Course","discussion_topic_id":"{global_id(_new_id(o))}"'
            f',"is_announcement":true,"lock_at":null,"title":"News"'
            f',"updated_at":"{iso_s(o.time_us)}","workflow_state":"active"}}',
        ),
    )


def _module_item(o: Occasion) -> tuple[LiveEvent, ...]:
    if o.course is None:
        return ()
    return (
        LiveEvent(
            "module_item_created",
            f'{{"context_id":"{o.course.id}","context_type":"Course","module_id":"{o.course.id}"'
            f',"module_item_id":"{_new_id(o)}","position":1,"workflow_state":"active"}}',
        ),
    )


def _batch_created(o: Occasion) -> tuple[LiveEvent, ...]:
    return (LiveEvent("sis_batch_created", _batch(o, "initializing")),)


def _batch_updated(o: Occasion) -> tuple[LiveEvent, ...]:
    return (LiveEvent("sis_batch_updated", _batch(o, "imported")),)


def _batch(o: Occasion, state: str) -> str:
    return (
        f'{{"sis_batch_id":"{o.item}","account_id":"{ROOT_ACCOUNT_ID}","workflow_state":"{state}"}}'
    )


def _none(_: Occasion) -> tuple[LiveEvent, ...]:
    return ()


def _submission_id(o: Occasion, owner: Person) -> int:
    # Ids of foreign people are larger than an id may be once multiplied.
    return (o.item * 1_000 + owner.index) % SHARD_SIZE


def _new_id(o: Occasion) -> int:
    return 10_000_000 + o.dice.below(900_000_000)


def _text(value: str | None) -> str:
    return "null" if value is None else f'"{value}"'


MAKERS: Final[dict[str, Callable[[Occasion], tuple[LiveEvent, ...]]]] = {
    "": _none,
    "asset": _asset,
    "logged_in": _logged_in,
    "logged_out": _logged_out,
    "submission_created": _submission,
    "tool_submission_created": _tool_submission,
    "grade_change": _grade,
    "quiz_submitted": _quiz_submitted,
    "discussion_entry_created": _entry,
    "conversation_created": _conversation,
    "conversation_message_created": _message,
    "assignment_updated": _assignment_updated,
    "wiki_page_updated": _page_updated,
    "discussion_topic_created": _topic_created,
    "module_item_created": _module_item,
    "sis_batch_created": _batch_created,
    "sis_batch_updated": _batch_updated,
}
