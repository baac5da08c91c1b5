"""Many exams: found, read in processes, judged and written so that a killed run can go on."""
