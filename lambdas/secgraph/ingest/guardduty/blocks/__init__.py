"""One file a resource block of a GuardDuty finding: the block → the resources that it names."""
