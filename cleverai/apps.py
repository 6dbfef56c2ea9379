from django.contrib.admin import apps


class AdminConfig(apps.AdminConfig):
    default_site = "cleverai.admin_site.StaffSite"
