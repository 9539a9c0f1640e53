-- A session is shown by its id, which says nothing of the token. It slides: each use moves expires_at, as far as
-- ends_at and no further.
ALTER TABLE sessions
    ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    ADD COLUMN use_time timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN ends_at timestamptz;
UPDATE sessions SET use_time = create_time, ends_at = greatest(expires_at, create_time + interval '30 days');
ALTER TABLE sessions
    ALTER COLUMN ends_at SET NOT NULL,
    ADD CHECK (expires_at <= ends_at);

-- A user's own, newest first.
DROP INDEX sessions_user_id_idx;
CREATE INDEX sessions_newest_idx ON sessions (user_id, create_time DESC, id DESC);

-- What an ETag says of a video: raised by each edit and each new file, but not by what merely counts.
ALTER TABLE videos ADD COLUMN revision bigint NOT NULL DEFAULT 1;

CREATE FUNCTION videos_raise_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.revision := OLD.revision + 1;
    RETURN NEW;
END
$$;
CREATE TRIGGER videos_raise_revision BEFORE UPDATE OF title, description, media_key ON videos
    FOR EACH ROW EXECUTE FUNCTION videos_raise_revision();

-- Sets a user's password, if it still is the old one, and ends all sessions but the one that is kept. Two
-- statements, so that the second sees a session that a log-in with the old password has just made: such a log-in
-- holds a lock on the user's row.
CREATE FUNCTION change_password(uid bigint, old_hash text, new_hash text, kept bytea) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE users SET password_hash = new_hash WHERE id = uid AND password_hash = old_hash;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM sessions WHERE user_id = uid AND token_hash <> kept;
    RETURN true;
END
$$;

GRANT UPDATE (password_hash) ON users TO video_api;
GRANT SELECT (use_time, ends_at), UPDATE (use_time, expires_at) ON sessions TO video_stream;
