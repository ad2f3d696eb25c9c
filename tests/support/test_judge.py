"""The judge is judged: a harness that can't go red proves nothing."""
from support.ledger import judge, with_tombstones

CHANGES = [("accounts", "c", 1, 1), ("accounts", "u", 1, 2), ("moves", "c", 1, 1),
           ("accounts", "u", 1, 3), ("accounts", "d", 1, None), ("accounts", "c", 1, 4)]


def counts(verdict):
    return verdict.lost, verdict.duplicated, verdict.disordered


def test_what_arrived_as_it_was_is_well():
    assert judge(CHANGES, CHANGES).ok()


def test_each_lost_change_is_counted():
    for n in range(len(CHANGES)):
        assert counts(judge(CHANGES, CHANGES[:n] + CHANGES[n + 1:])) == (1, 0, 0)


def test_each_repeated_change_is_counted():
    for n in range(len(CHANGES)):
        assert judge(CHANGES, CHANGES + [CHANGES[n]]).duplicated == 1


def test_two_changes_of_a_key_in_the_wrong_order_are_seen():
    turned = list(CHANGES)
    turned[1], turned[3] = turned[3], turned[1]
    assert counts(judge(CHANGES, turned)) == (0, 0, 2)


def test_the_order_of_different_keys_does_not_matter():
    turned = list(CHANGES)
    turned[1], turned[2] = turned[2], turned[1]
    assert judge(CHANGES, turned).ok()


def test_a_key_in_two_partitions_is_seen():
    apart = [(*c, n == 4) for n, c in enumerate(CHANGES)]
    assert judge(CHANGES, apart).scattered == 1
    assert judge(CHANGES, [(*c, c[0] == "moves") for c in CHANGES]).ok()


def test_a_missing_tombstone_is_a_loss():
    assert judge(CHANGES, CHANGES, tombstones=True).lost == 1
    assert judge(CHANGES, list(with_tombstones(CHANGES)), tombstones=True).ok()


def test_nothing_at_all_is_all_lost():
    assert judge(CHANGES, []).lost == len(CHANGES)
