"""The one status of a company's exports: what they do, why they wait, since and until when, who acts."""
