"""One module for each public data set; see mammoscope.data.source."""
