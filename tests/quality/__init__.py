"""What judges the pages: accessibility, markup, policies and speed, by other people's programs; and how they look."""
