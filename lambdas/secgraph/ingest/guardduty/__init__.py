"""GuardDuty: a finding event's `detail` → what it says of the finding and the resources it affects."""
