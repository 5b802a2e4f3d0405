"""What people order: cancel, replay, do not send, take over, raise anew."""
