-- A checksum of each row (CRC-32 of the table's name and of the other columns in this order), so that what changed on
-- the disk by itself is told from what was written. Rows of before are given theirs right after this migration, and
-- the row `sums` in meta says so; from then on a row without one is damaged.
ALTER TABLE meta ADD COLUMN crc BIGINT;
ALTER TABLE events ADD COLUMN crc BIGINT;
ALTER TABLE sessions ADD COLUMN crc BIGINT;
ALTER TABLE threads ADD COLUMN crc BIGINT;
ALTER TABLE snapshots ADD COLUMN crc BIGINT;
ALTER TABLE replies ADD COLUMN crc BIGINT;
ALTER TABLE tokens ADD COLUMN crc BIGINT;
