"""The ways out: what alerts/channels/ renders goes to SNS, SQS, Slack and webhooks from here."""
