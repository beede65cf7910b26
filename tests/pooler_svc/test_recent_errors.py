from pooler_svc.recent_errors import MOST_KEPT, RecentErrors


def test_the_same_error_in_a_row_is_counted_and_not_repeated() -> None:
    errors = RecentErrors()
    for _ in range(3):
        errors.note("REASON_RPC_UNAVAILABLE", "away")
    errors.note("REASON_WORK_LATE", "late")
    assert [(each.reason, each.count) for each in errors.newest_first()] == [
        ("REASON_WORK_LATE", 1),
        ("REASON_RPC_UNAVAILABLE", 3),
    ]


def test_only_the_newest_are_kept() -> None:
    errors = RecentErrors()
    for number in range(MOST_KEPT + 5):
        errors.note("REASON_INTERNAL", str(number))
    kept = errors.newest_first()
    assert len(kept) == MOST_KEPT
    assert kept[0].text == str(MOST_KEPT + 4)


def test_two_errors_that_alternate_are_counted_and_leave_the_others_their_place() -> None:
    errors = RecentErrors()
    errors.note("REASON_WORK_LATE", "late")
    for _ in range(MOST_KEPT):
        errors.note("REASON_RPC_UNAVAILABLE", "one")
        errors.note("REASON_RPC_UNAVAILABLE", "other")
    assert [(each.text, each.count) for each in errors.newest_first()] == [
        ("other", MOST_KEPT),
        ("one", MOST_KEPT),
        ("late", 1),
    ]
