"""Inspector: a finding event's `detail` → the finding, the resources it affects, its vulnerabilities."""
