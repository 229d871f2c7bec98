"""The timetable: rings only, in UTC; what is due, in whose zone, is decided by rows."""

from redis import Redis
from rq.cron import CronScheduler

from app.core.queue import Job

HOURLY = (Job.UPKEEP,)


def scheduler(redis: "Redis") -> CronScheduler:
    """The timetable, ready to start."""
    from jobs import upkeep

    cron = CronScheduler(connection=redis)
    for job in HOURLY:
        assert job.value.function == "jobs.upkeep.run"
        cron.register(
            upkeep.run, queue_name=job.value.queue, cron="7 * * * *", job_timeout=job.value.seconds, result_ttl=0
        )
    return cron
