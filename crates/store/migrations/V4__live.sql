-- What a server has in memory when it starts. Of sleeping sessions there may be many thousands, and none is among them.
DROP INDEX sessions_live;
CREATE INDEX sessions_live ON sessions (created_pos)
    WHERE state <> 'stopped' AND state <> 'hibernated' AND deleted = 0;
