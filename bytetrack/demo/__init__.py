"""The demo: a source's frames through detector, tracker and drawing to files, a window and a web page."""
