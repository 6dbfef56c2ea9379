"""The staff's pages: Django's admin under CleverAI's name."""

from django.contrib.admin import AdminSite


class StaffSite(AdminSite):
    site_title = site_header = "CleverAI staff"
    index_title = "Credits"
