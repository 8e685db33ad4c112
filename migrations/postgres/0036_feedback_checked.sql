-- Reads what devices said of updates once, while everybody reads and writes on.
ALTER TABLE update_feedback VALIDATE CONSTRAINT update_feedback_until;
