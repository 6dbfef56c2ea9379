from django.urls import path

from sandbox import views

app_name = "sandbox"
urlpatterns = [
    path("authenticator/", views.authenticator, name="authenticator"),
    path("mail/", views.mails, name="mails"),
    path("mail/<int:pk>/", views.mail_detail, name="mail"),
    path("mail/<int:pk>/html/", views.mail_html, name="mail-html"),
]
