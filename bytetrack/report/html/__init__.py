"""The kit of all HTML pages (report, comparison, tuning): skeleton, style, script, macros, charts."""
