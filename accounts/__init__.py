"""Who you are: users, sign-up, login and preferences of the person. It knows nothing of credits."""
