"""Files of many formats to documents, streamed, with a place and a reason for all that cannot be read."""
