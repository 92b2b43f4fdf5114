"""The HTML page: chart geometry, template, style and script."""
