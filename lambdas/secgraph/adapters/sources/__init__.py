"""The APIs of the sources of findings, in AWS: GuardDuty and Inspector, read with the eyes of a role."""
