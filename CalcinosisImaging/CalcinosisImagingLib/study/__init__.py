"""Study folders: reading them, running every step on them, tables and reports of visits and cohort."""
