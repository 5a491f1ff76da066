"""A class without any page: lessons offered, votes counted and hidden, the wall's consents, a teacher who goes away."""

from __future__ import annotations

import threading

import pytest

from playground.errors import PlaygroundError
from playground.service.classroom import AWAY_SECONDS, MAX_PEOPLE, MAX_TEACHERS, PHASES, Classroom, View
from tests.helpers.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def room(clock: Clock) -> Classroom:
    made = Classroom(clock)
    made.look("teacher", teacher=True)
    return made


def voting(room: Classroom, *votes: int) -> list[View]:
    """Lesson 3 is open and each of so many pupils has voted."""
    room.open("layers", 3)
    for number, option in enumerate(votes):
        assert room.vote(f"pupil {number}", "layers", option)
    return [room.look(f"pupil {number}") for number in range(len(votes))]


def test_an_offer_reaches_everybody_and_whoever_comes_late(room: Classroom) -> None:
    before = room.look("ada")
    assert (before.lesson, before.phase, before.locked) == ("", "", False)
    room.open("layers", 3)
    for person in ("ada", "late"):
        now = room.look(person)
        assert (now.lesson, now.phase, now.locked, now.vote) == ("layers", "vote", True, None)
        assert now.version > before.version
    room.move("discuss")
    assert room.look("later still").phase == "discuss"


def test_nobody_sees_the_votes_before_they_are_revealed_not_even_the_teacher(room: Classroom) -> None:
    for phase in ("vote", "discuss", "again", "run"):
        voting(room, 0, 2, 2)
        room.move(phase)
        assert room.look("pupil 0").counts == room.look("teacher", teacher=True).counts == (), phase
    voting(room, 0, 2, 2)
    room.move("reveal")
    assert room.look("pupil 0").counts == room.look("teacher", teacher=True).counts == ((1, 0, 2),)
    room.move("run")
    assert room.look("late").counts == ((1, 0, 2),)  # it stays where it was once shown
    room.move("again")
    assert room.look("late").counts == ()


def test_a_pupils_prediction_is_everybodys_once_the_votes_of_its_lesson_are_shown(room: Classroom) -> None:
    voting(room, 0, 2)
    for phase in ("vote", "discuss", "again", "run"):
        if phase != "vote":
            room.move(phase)
        assert room.shown_prediction("pupil 1", "layers") is None, phase
        assert room.predicted("pupil 1") == 2  # their own page knows it
    voting(room, 0, 2)
    room.move("reveal")
    room.move("run")
    assert room.shown_prediction("pupil 1", "layers") == 2
    assert room.shown_prediction("pupil 1", "tiles") is None
    assert room.shown_prediction("late", "layers") is None
    room.close()
    assert room.shown_prediction("pupil 1", "") is None


def test_the_second_round_is_counted_beside_the_first(room: Classroom) -> None:
    voting(room, 0, 0, 1)
    room.move("discuss")
    assert not room.vote("pupil 0", "layers", 2)
    room.move("again")
    assert room.look("pupil 0").vote == room.voted("pupil 0", "layers") == 0  # shown as pressed
    assert room.vote("pupil 0", "layers", 2)
    assert room.vote("pupil 1", "layers", 2)
    assert room.look("teacher", teacher=True).voted == 3
    room.move("reveal")
    assert room.look("pupil 1").counts == ((2, 1, 0), (0, 1, 2))  # who does not press again stays with the first vote
    assert [room.predicted(f"pupil {number}") for number in range(3)] == [2, 2, 1]
    room.move("again")
    assert room.voted("pupil 0", "layers") == 0  # once more
    room.look("late")
    room.move("reveal")
    assert room.look("late").counts == ((2, 1, 0), (2, 1, 0))


def test_one_vote_a_person_the_latest_and_only_what_is_asked(room: Classroom) -> None:
    assert not room.vote("ada", "layers", 0)  # nothing is open
    room.open("layers", 3)
    assert room.asks("layers")
    assert not room.asks("tiles")
    assert room.vote("ada", "layers", 0)
    assert room.vote("ada", "layers", 1)
    assert not any(room.vote("ada", *wrong) for wrong in (("tiles", 0), ("layers", 3), ("layers", -1)))
    assert not room.vote("teacher", "layers", 2)
    assert room.look("ada").vote == room.voted("ada", "layers") == 1  # which a page shows again when it is reloaded
    assert room.voted("ada", "tiles") is None
    room.move("reveal")
    assert room.look("ada").counts == ((0, 1, 0),)
    room.open("layers", 3)
    assert room.look("ada").vote is None


def test_the_teacher_alone_is_told_how_many_are_here_and_have_voted(room: Classroom, clock: Clock) -> None:
    views = voting(room, 0, 1)
    assert {(view.here, view.voted) for view in views} == {(0, 0)}
    room.look("somebody else")
    told = room.look("teacher", teacher=True)
    assert (told.here, told.voted, told.locked) == (3, 2, False)
    room.look("pupil 1", teacher=True)  # who has now shown the key
    told = room.look("teacher", teacher=True)
    assert (told.here, told.voted) == (2, 1)
    clock.now += 60
    assert room.look("teacher", teacher=True).here == 0


def test_run_waits_for_the_teacher_but_for_theirs(room: Classroom) -> None:
    voting(room, 0)
    for phase in PHASES:
        room.move(phase)
        assert room.locked("pupil 0", "layers") == (phase != "run")
        assert not room.locked("pupil 0", "tiles")
        assert not room.locked("teacher", "layers")
    room.move("vote")
    room.close()
    assert not room.locked("pupil 0", "layers")


def test_ten_minutes_without_a_teacher_and_nobody_is_held_up(room: Classroom, clock: Clock) -> None:
    voting(room, 0)
    room.hang(True)
    room.pause(True)
    version = room.look("pupil 0").version
    clock.now += AWAY_SECONDS - 1
    assert room.look("pupil 0").locked
    clock.now += 2
    now = room.look("pupil 0")
    assert (now.locked, now.paused, now.wall, now.lesson, now.counts) == (False, False, False, "layers", ())
    assert now.version > version
    assert not room.locked("pupil 0", "layers")
    room.may_work("pupil 0")
    room.look("teacher", teacher=True)
    room.move("vote")
    assert room.look("pupil 0").locked


def test_a_teacher_who_is_there_holds_the_room(room: Classroom, clock: Clock) -> None:
    voting(room, 0)
    for _ in range(5):
        clock.now += AWAY_SECONDS / 2
        room.look("teacher", teacher=True)
    assert room.look("pupil 0").locked


def test_a_paused_room_lets_only_the_teacher_begin(room: Classroom) -> None:
    room.may_work("ada")
    room.pause(True)
    room.may_work("teacher")
    with pytest.raises(PlaygroundError, match="paused the room"):
        room.may_work("ada")
    assert room.look("ada").paused
    room.pause(False)
    room.may_work("ada")


def test_the_wall_has_pictures_of_those_who_know_and_do_not_mind(room: Classroom, clock: Clock) -> None:
    for person in ("ada", "ben", "cem"):
        room.look(person)
    assert room.standing("ada", "cat+swirls", own=False) != "hangs"
    room.hang(True)
    assert room.standing("ada", "cat+swirls", own=False) != "hangs"  # whose page has not said so yet
    assert room.look("ada").wall
    room.want_wall("ben", False)
    room.look("ben")
    assert room.standing("ada", "cat+swirls", own=False) == "hangs"
    assert room.standing("ben", "cat+swirls", own=False) == "off"
    assert not room.look("ben").on_wall
    assert room.standing("nobody", "cat+swirls", own=False) != "hangs"
    room.hang(False)
    room.hang(True)
    assert room.standing("ada", "cat+swirls", own=False) != "hangs"  # each time anew
    room.look("ada")
    clock.now += AWAY_SECONDS + 1
    room.look("teacher", teacher=True)
    assert room.standing("ada", "cat+swirls", own=False) != "hangs"


def test_pictures_of_ones_own_hang_only_when_they_are_shown_and_only_these(room: Classroom) -> None:
    room.hang(True)
    room.look("ada")
    room.look("ben")
    assert room.standing("ada", "my dog", own=True) == "private"
    room.share("ada", "my dog")
    assert room.standing("ada", "my dog", own=True) == "hangs"
    assert room.standing("ada", "my room", own=True) != "hangs"
    assert room.standing("ben", "my dog", own=True) != "hangs"
    room.share("ada", "my dog", wanted=False)
    assert room.standing("ada", "my dog", own=True) != "hangs"
    room.share("ada", "my dog")
    room.remove("ada", "my dog")
    assert room.standing("ada", "my dog", own=True) == "removed"
    room.share("ada", "my dog")  # whoever shows it again
    assert room.standing("ada", "my dog", own=True) != "hangs"


def test_clearing_empties_the_room_and_keeps_who_does_not_want_to_be_seen(room: Classroom) -> None:
    voting(room, 0, 1)
    room.hang(True)
    room.look("pupil 1")
    room.want_wall("pupil 0", False)
    room.share("pupil 1", "my dog")
    room.pause(True)
    room.clear()
    now = room.look("pupil 1")
    assert (now.lesson, now.vote, now.wall, now.paused) == ("", None, False, False)
    assert not room.look("pupil 0").on_wall
    room.hang(True)
    room.look("pupil 1")
    assert room.standing("pupil 1", "my dog", own=True) != "hangs"


def test_memory_is_bounded_and_nobody_who_is_here_makes_room(room: Classroom, clock: Clock) -> None:
    voting(room, 0)
    for number in range(2 * MAX_PEOPLE):
        room.look(f"stranger {number}")
        room.look(f"teacher {number}", teacher=True)
    assert len(room.pupils()) == MAX_PEOPLE
    assert sum(room.teaches(f"teacher {number}") for number in range(2 * MAX_PEOPLE)) == MAX_TEACHERS
    assert not room.vote("one too many", "layers", 0)
    assert room.look("one too many").lesson == "layers"
    assert room.look("pupil 0").vote == 0
    clock.now += AWAY_SECONDS + 1
    room.look("pupil 0")
    room.look("one too many")
    assert "one too many" in room.pupils()
    assert "pupil 0" in room.pupils()


def test_thirty_threads_vote_and_not_one_vote_is_lost(room: Classroom) -> None:
    room.open("layers", 3)

    def votes(number: int) -> None:
        for turn in range(50):
            room.look(f"pupil {number}")
            room.vote(f"pupil {number}", "layers", (number + turn) % 3)

    threads = [threading.Thread(target=votes, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    room.move("reveal")
    assert room.look("late").counts == ((10, 10, 10),)
