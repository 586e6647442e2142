"""Doing the same with several daemons at the same time."""

import threading


def together(*jobs):
    """Runs callables in threads; returns their results, raises the first error."""
    results = [None] * len(jobs)
    errors = [None] * len(jobs)

    def run(number):
        try:
            results[number] = jobs[number]()
        except BaseException as error:  # handed to the caller's thread
            errors[number] = error
    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in errors:
        if error is not None:
            raise error
    return results
