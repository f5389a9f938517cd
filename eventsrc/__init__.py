"""eventsrc."""
