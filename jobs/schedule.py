"""The timetable: rings only, in UTC; what is due, in whose zone, is decided by rows."""

from redis import Redis
from rq import Queue
from rq.cron import CronJob, CronScheduler
from rq.job import Job as Rung
from rq.serializers import JSONSerializer

from app.core.queue import Job

HOURLY = (Job.UPKEEP,)


class Bell(CronJob):
    """One line of the timetable. RQ's own would pickle the call, and our workers read JSON and nothing else."""

    def enqueue(self, connection: "Redis") -> Rung:
        """Ring now."""
        queue = Queue(self.queue_name, connection=connection, serializer=JSONSerializer)
        return queue.enqueue(self.func_name, **self.job_options)


class Timetable(CronScheduler):
    """RQ's scheduler with our bells."""

    def add(self, bell: Bell) -> None:
        """One more line."""
        self._cron_jobs.append(bell)


def scheduler(redis: "Redis") -> Timetable:
    """The timetable, ready to start."""
    timetable = Timetable(connection=redis)
    for job in HOURLY:
        to = job.value
        timetable.add(
            Bell(to.queue, func_name=to.function, cron="7 * * * *", job_timeout=to.seconds, result_ttl=0, name=job.name)
        )
    return timetable
