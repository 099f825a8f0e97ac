"""The annotator in a browser: one project, served on this computer.

:func:`pal.web.app.create_app` builds the application. It holds no science: every page, count and group comes from
the project, and every answer goes to its log. One noun a file: pages, events, groups, thumbnails, security.
"""
