"""P1 to P4 and P12: charging, holding and charging many, against the floor, the plain way and django-hordak."""

from functools import partial

from benchmarks import data, floor, peer
from benchmarks.contest import Figure, Rounds
from benchmarks.workers import Team
from billing.services import proof

PROCESSES = 4
HOT_THREADS = 4
UNIT = "a second"


def many_wallets(*, wallets: int, rounds: int, seconds: float) -> list[Figure]:
    """P1, P3, P4 and P12: four processes of one connection each, on wallets drawn at random."""
    ids = data.create_wallets(wallets, name="many")
    floor.create(ids)
    accounts = peer.create(wallets)
    data.settle_down()
    places = {
        "floor": ids,
        "charge": ids,
        "hold_and_capture": ids,
        "charge_many": ids,
        "hordak_transfer": accounts,
        "hordak_checked": accounts,
    }
    with Team(processes=PROCESSES, threads=1) as team:
        turns = {work: partial(team.per_second, work, place, seconds) for work, place in places.items()}
        found = Rounds(turns, rounds=rounds)
    refuse_differences()
    against_floor = partial(found.ratio, other="floor")
    charge, least = found.median("charge"), found.median("floor")
    looked, posted = found.median("hordak_checked"), found.median("hordak_transfer")
    pairs, many = found.median("hold_and_capture"), found.median("charge_many")
    return [
        Figure("P1", "charge", charge, "floor", least, UNIT, against_floor("charge"), 0.5),
        Figure(
            "P3", "charge", charge, "hordak, balance checked", looked, UNIT, found.ratio("charge", "hordak_checked"), 10
        ),
        Figure("P3", "charge", charge, "hordak", posted, UNIT, found.ratio("charge", "hordak_transfer"), 3.5),
        Figure(
            "P4", "hold + capture", pairs, "half the floor", least / 2, UNIT, 2 * against_floor("hold_and_capture"), 0.4
        ),
        Figure("P12", "charge_many", many, "floor", least, UNIT, against_floor("charge_many"), 3),
    ]


def hot_wallet(*, rounds: int, seconds: float) -> list[Figure]:
    """P2: sixteen connections on one wallet."""
    ids = data.create_wallets(1, name="hot", amount=data.HOT_AMOUNT)
    floor.create(ids)
    data.settle_down()
    with Team(processes=PROCESSES, threads=HOT_THREADS) as team:
        works = ("floor", "charge", "charge_plainly")
        found = Rounds({work: partial(team.per_second, work, ids, seconds) for work in works}, rounds=rounds)
    refuse_differences()
    charge = found.median("charge")
    plain = found.median("charge_plainly")
    return [
        Figure(
            "P2", "charge, hot", charge, "floor, hot", found.median("floor"), UNIT, found.ratio("charge", "floor"), 0.7
        ),
        Figure("P2", "charge, hot", charge, "lock + ORM, hot", plain, UNIT, found.ratio("charge", "charge_plainly"), 8),
    ]


def refuse_differences() -> None:
    """Stop when the books that were written that fast don't add up."""
    if differences := proof.prove():
        raise AssertionError(f"The books don't add up: {differences[0]}, and {len(differences) - 1} more.")
