"""The staff's groups are in the database as the table says, and their migration can be run, undone and run again."""

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission

from accounts.models import User
from billing import staff_groups

pytestmark = pytest.mark.django_db
MIGRATIONS = [
    import_module(f"billing.migrations.{name}")
    for name in (
        "0017_staff_groups",
        "0018_daily_figures",
        "0019_leaving",
        "0020_second_person",
        "0021_returned_charges",
        "0025_api_keys",
    )
]


def in_the_database(group: str) -> set[str]:
    rows = Permission.objects.filter(group__name=group).values_list("content_type__app_label", "codename")
    return {f"{app_label}.{codename}" for app_label, codename in rows}


@pytest.mark.parametrize("group", staff_groups.IN_ORDER)
def test_a_group_may_do_what_the_table_says(group: str) -> None:
    told = "a migration has to `give` what is new in billing/staff_groups.py"
    assert in_the_database(group) == staff_groups.permissions_of(group), told


def test_support_may_read_all_of_billing() -> None:
    models = {model._meta.model_name for model in apps.get_app_config("billing").get_models()}
    assert models == set(staff_groups.READ), "a new table belongs into READ, and its migration gives support the view"


def test_every_permission_of_ours_belongs_to_a_group() -> None:
    own = [(model, codename) for model in apps.get_models() for codename, _ in model._meta.permissions]
    named = {f"{model._meta.app_label}.{codename}" for model, codename in own}
    assert named <= staff_groups.permissions_of(staff_groups.OWNER)


def test_nobody_but_superusers_gives_rights() -> None:
    assert not {name for name in staff_groups.permissions_of(staff_groups.OWNER) if name.startswith("auth.")}


def test_the_migration_undone_takes_no_one_out_of_a_group() -> None:
    sam = User.objects.create_user("sam@example.com", "a long passphrase", is_staff=True)
    sam.groups.add(Group.objects.get(name="support"))
    for migration in reversed(MIGRATIONS):
        migration.take(apps, None)
    assert [group.name for group in Group.objects.all()] == ["support"]
    assert in_the_database("support") == set()
    for migration in MIGRATIONS * 2:
        migration.give(apps, None)
    assert User.objects.get(pk=sam.pk).has_perm("billing.see_as_customer")
    for group in staff_groups.IN_ORDER:
        assert in_the_database(group) == staff_groups.permissions_of(group)


def test_permissions_are_made_before_their_time_with_the_names_they_will_have() -> None:
    before = dict(Permission.objects.values_list("codename", "name"))
    Permission.objects.all().delete()
    for migration in MIGRATIONS:
        migration.give(apps, None)
    made = dict(Permission.objects.values_list("codename", "name"))
    assert made == {codename: before[codename] for codename in made}
    assert made["see_as_customer"] == "Can see CleverAI as a customer does"
