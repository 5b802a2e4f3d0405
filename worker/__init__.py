"""The moves. At the top stand the processes and what each is handed; every package is a part of the story."""
