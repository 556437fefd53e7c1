"""What users have beside them, as a question: Dockerfiles, lockfiles, requirements, projects."""
