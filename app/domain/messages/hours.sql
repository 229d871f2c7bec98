-- Messages that wait for the allowed hours, by the set.

-- name: look_again
-- What keeps the allowed hours and waits for its morning is due now: claiming moves it again to where it belongs. What is tried again
-- has a time of its own. What somebody else has just now is passed by: it is being claimed, or is over. :contacts is whose, null is
-- everybody's.
UPDATE messages m SET due_at = :now FROM (
  SELECT q.occurrence_id, q.id FROM sends s JOIN messages q ON q.send_id = s.id AND q.occurrence_id >= s.first_occurrence
  WHERE s.state IN ('running', 'paused') AND s.message_class = 'marketing' AND s.source_kind <> :test AND q.state = 'queued'
    AND q.retries = 0 AND q.due_at > :now AND (CAST(:contacts AS uuid[]) IS NULL OR q.contact_id = ANY(CAST(:contacts AS uuid[])))
  FOR UPDATE OF q SKIP LOCKED
) AS waits WHERE m.occurrence_id = waits.occurrence_id AND m.id = waits.id;
