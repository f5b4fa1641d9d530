"""How each channel says it: a Notification in, text or plain JSON values out; nothing is sent here."""
