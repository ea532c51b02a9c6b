-- Rotation of API tokens. generation: which secret is the newest; previous_until: until when the one before it works.
ALTER TABLE tokens ADD COLUMN generation BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tokens ADD COLUMN previous_until BIGINT;
ALTER TABLE tokens ADD COLUMN last_used_at BIGINT;
