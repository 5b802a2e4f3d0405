"""Pages for CrewCard's own people: ops and support see, search, understand and send again; admins set up."""
