"""What a browser would send of a form on a page, as it stands there."""

from html.parser import HTMLParser


class _Forms(HTMLParser):
    def __init__(self, action):
        super().__init__()
        self.action, self.open, self.fields, self.select, self.text = action, False, {}, None, None

    def handle_starttag(self, tag, attrs):
        said = dict(attrs)
        if tag == "form":
            self.open = said.get("action", "").partition("#")[0].endswith(self.action)
        elif self.open and tag == "input":
            box = said.get("type") in ("checkbox", "radio")
            if "name" in said and (not box or "checked" in said) and "disabled" not in said:
                self.fields[said["name"]] = said.get("value") or ""
        elif self.open and tag == "select":
            self.select = said["name"]
        elif self.open and tag == "textarea":
            self.text = said["name"]
            self.fields[self.text] = ""
        elif self.open and tag == "option" and self.select:
            self.option = said.get("value")
            if "selected" in said or self.select not in self.fields:
                self.fields[self.select] = said.get("value") or ""
                self.chosen = self.select if said.get("value") is None else None

    def handle_data(self, data):
        if self.text:
            self.fields[self.text] += data
        elif getattr(self, "chosen", None):
            self.fields[self.chosen] = data
            self.chosen = None

    def handle_endtag(self, tag):
        if tag == "form":
            self.open = False
        elif tag == "select":
            self.select = None
        elif tag == "textarea":
            self.text = None


def fields_of(page, action):
    """The fields of the form with this action, but for its token."""
    forms = _Forms(action)
    forms.feed(page)
    assert forms.fields, f"no form goes to {action}"
    return {name: value for name, value in forms.fields.items() if name != "form"}
