"""The REST API: routes that turn requests into calls of `mammoscope.web.service.Service`."""
