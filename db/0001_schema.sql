-- The schema: tables grouped by resource, then functions, triggers, the view, and last
-- what each role may do. README.md says how migrations run.

-- For the search. It is a trusted extension: CREATE on the database suffices to install it.
CREATE EXTENSION IF NOT EXISTS pg_trgm;


-- == Tables ==

-- -- The site

-- One row: the site's secret. It signs page cursors.
CREATE TABLE site_secret (
    alone  boolean PRIMARY KEY DEFAULT true CHECK (alone),
    secret bytea NOT NULL CHECK (length(secret) = 32)
);

-- Two random UUIDs hold 244 random bits.
INSERT INTO site_secret (secret)
    VALUES (sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')));

-- -- Users, their sessions and their idempotency keys

CREATE TABLE users (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 40),
    password_hash text NOT NULL,
    create_time   timestamptz NOT NULL DEFAULT now()
);
-- Names that differ only in case or width are the same name: Ann, ANN and Ａｎｎ.
CREATE UNIQUE INDEX users_name_key ON users (lower(normalize(name, NFKC)));

-- Only the hash of a session token is stored. Users see a session by its id, which
-- reveals nothing about the token. Each use extends expires_at, but never beyond ends_at.
CREATE TABLE sessions (
    id          uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    token_hash  bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    user_id     bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    create_time timestamptz NOT NULL DEFAULT now(),
    use_time    timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    CHECK (expires_at <= ends_at)
);
CREATE INDEX sessions_newest_idx ON sessions (user_id, create_time DESC, id DESC);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

-- Responses to requests with an Idempotency-Key, kept for a day. The row is written in
-- the same transaction as the request's own changes. fingerprint is the SHA-256 of
-- method, path and body.
CREATE TABLE idempotency_keys (
    user_id     bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    key         text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
    create_time timestamptz NOT NULL DEFAULT now(),
    status      smallint,
    headers     text,
    body        text,
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_create_time_idx ON idempotency_keys (create_time);

-- Idempotency keys of registrations, kept for a day. A retry is recognised by the name
-- and by password_hash, the hash of the password sent first: a fast hash of the request
-- would let an attacker guess the password.
CREATE TABLE registrations (
    key           text PRIMARY KEY CHECK (length(key) BETWEEN 1 AND 255),
    create_time   timestamptz NOT NULL DEFAULT now(),
    user_id       bigint REFERENCES users ON DELETE CASCADE,
    password_hash text
);
CREATE INDEX registrations_create_time_idx ON registrations (create_time);

-- -- Videos and their comments

-- A video has a file when media_key is set; then all columns of the file are set. An edit
-- and a new file or poster raise revision, which is the ETag; counters do not.
CREATE TABLE videos (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    author_id    bigint NOT NULL REFERENCES users,
    title        text NOT NULL CHECK (char_length(title) BETWEEN 1 AND 200),
    description  text NOT NULL DEFAULT '' CHECK (char_length(description) <= 5000),
    create_time  timestamptz NOT NULL DEFAULT now(),
    revision     bigint NOT NULL DEFAULT 1,
    -- The file.
    media_key    uuid UNIQUE,
    content_type text,
    size         bigint CHECK (size > 0),
    upload_time  timestamptz,
    -- For the search: whole words in any order.
    words        tsvector NOT NULL
        GENERATED ALWAYS AS (to_tsvector('simple', title || ' ' || description)) STORED,
    CHECK (num_nulls(media_key, content_type, size, upload_time) IN (0, 4))
);
CREATE INDEX videos_newest_idx ON videos (create_time DESC, id DESC);
CREATE INDEX videos_author_idx ON videos (author_id, create_time DESC, id DESC);
CREATE INDEX videos_ready_idx ON videos (create_time DESC, id DESC) WHERE media_key IS NOT NULL;
CREATE INDEX videos_words_idx ON videos USING gin (words);
-- For the search: any part of the text.
CREATE INDEX videos_text_idx ON videos USING gin ((title || E'\n' || description) gin_trgm_ops);

-- A video has at most one poster. A trigger queues the file of a deleted or replaced one.
CREATE TABLE posters (
    video_id     bigint PRIMARY KEY REFERENCES videos ON DELETE CASCADE,
    media_key    uuid NOT NULL UNIQUE,
    content_type text NOT NULL,
    size         bigint NOT NULL CHECK (size > 0)
);

CREATE TABLE comments (
    id        uuid PRIMARY KEY,
    video_id  bigint NOT NULL REFERENCES videos ON DELETE CASCADE,
    author_id bigint NOT NULL REFERENCES users,
    content   text NOT NULL CHECK (char_length(content) BETWEEN 1 AND 1000),
    post_time timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX comments_newest_idx ON comments (video_id, post_time DESC, id DESC);

-- -- Uploads

-- Each row reserves disk space for an upload, of a video file or of a poster. Its id
-- becomes the key of the file, so until the video refers to the file this row does.
--
-- A plain upload ends with its request. Its row is deleted then or, after a crash, by the
-- janitor of fcgi-stream. A resumable one can be continued until expires_at; after it has
-- finished, its row stays until then, so that a repeated request gets the same response.
-- Expired and finished uploads no longer count towards quotas and disk space.
CREATE TABLE uploads (
    id          uuid PRIMARY KEY,
    video_id    bigint NOT NULL REFERENCES videos ON DELETE CASCADE,
    user_id     bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    poster      boolean NOT NULL DEFAULT false,
    resumable   boolean NOT NULL DEFAULT false,
    length      bigint NOT NULL CHECK (length > 0),
    received    bigint NOT NULL DEFAULT 0 CHECK (received BETWEEN 0 AND length),
    -- How often the bytes are on the disk until the file is published. 2 for a form: the
    -- form and the file extracted from it.
    copies      integer NOT NULL DEFAULT 1 CHECK (copies > 0),
    metadata    text NOT NULL DEFAULT '',
    create_time timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    finished_at timestamptz,
    CHECK (finished_at IS NULL OR resumable)
);
CREATE INDEX uploads_user_id_idx ON uploads (user_id);
CREATE INDEX uploads_video_id_idx ON uploads (video_id);
CREATE INDEX uploads_expires_at_idx ON uploads (expires_at);

-- -- Views and traffic

-- Totals of each video.
CREATE TABLE video_traffic (
    video_id   bigint PRIMARY KEY REFERENCES videos ON DELETE CASCADE,
    views      bigint NOT NULL DEFAULT 0,
    bytes_sent bigint NOT NULL DEFAULT 0
);

-- Bytes recently sent of a video to one viewer. view_time is set when they amount to a
-- view. The row expires an hour after the view or, without one, an hour after it was
-- created; until then the same viewer makes no other view.
CREATE TABLE video_viewers (
    video_id   bigint NOT NULL REFERENCES videos ON DELETE CASCADE,
    viewer     bigint NOT NULL,
    bytes_sent bigint NOT NULL,
    view_time  timestamptz,
    expires_at timestamptz NOT NULL DEFAULT now() + interval '1 hour',
    PRIMARY KEY (video_id, viewer)
);
CREATE INDEX video_viewers_expires_at_idx ON video_viewers (expires_at);

-- The position up to which each queue of fcgi-stream has been counted. It is updated in
-- the same transaction as the counts, so nothing is counted twice.
CREATE TABLE view_queues (
    id       uuid PRIMARY KEY,
    position bigint NOT NULL
);

-- -- Deletion

-- Deleted videos that can still be restored, until purge_at: their rows as JSON.
-- comments, posters and traffic are arrays of rows.
CREATE TABLE deleted_videos (
    video_id    bigint PRIMARY KEY,
    delete_time timestamptz NOT NULL DEFAULT now(),
    purge_at    timestamptz NOT NULL,
    video       jsonb NOT NULL,
    comments    jsonb NOT NULL,
    posters     jsonb NOT NULL DEFAULT '[]',
    traffic     jsonb NOT NULL DEFAULT '[]'
);
CREATE INDEX deleted_videos_purge_at_idx ON deleted_videos (purge_at);

-- The deletion table: one row for each file to delete. A scheduler that works on a row
-- holds a lease: leased_by is its id. A row that has failed too often is dead: it keeps
-- its last error and is not retried until an administrator says so. next_attempt_at is
-- 'epoch' for a file to delete now, so that it is due whatever the clock says; of a video
-- that can be restored it is the end of the grace period.
CREATE TABLE video_deletions (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    video_id        bigint NOT NULL,
    media_key       uuid NOT NULL UNIQUE,
    request_time    timestamptz NOT NULL DEFAULT now(),
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT 'epoch',
    leased_by       uuid,
    leased_until    timestamptz,
    last_error      text,
    dead_at         timestamptz
);
-- In the order in which rows are claimed: each search continues where the last one ended.
CREATE INDEX video_deletions_due_idx ON video_deletions (next_attempt_at, id) WHERE dead_at IS NULL;
-- Rows that wait for a retry: few.
CREATE INDEX video_deletions_failed_idx ON video_deletions (next_attempt_at) WHERE attempts > 0 AND dead_at IS NULL;
CREATE INDEX video_deletions_dead_idx ON video_deletions (dead_at) WHERE dead_at IS NOT NULL;

-- Periodic tasks of the scheduler. The lease ensures that one daemon at a time runs each.
CREATE TABLE sweeps (
    name         text PRIMARY KEY,
    next_run_at  timestamptz NOT NULL DEFAULT 'epoch',
    attempts     integer NOT NULL DEFAULT 0,
    leased_by    uuid,
    leased_until timestamptz,
    last_error   text
);


-- == Functions ==

-- Registers a user, unless a request with this key has done so before. Returns the user
-- and the hash of the password that was sent first with the key; no row when the name is
-- taken. Waits for a concurrent registration with the same key.
CREATE FUNCTION register_user_idempotent(new_key text, new_name text, new_hash text)
RETURNS TABLE (user_id bigint, user_name text, user_time timestamptz, first_hash text) LANGUAGE plpgsql AS $$
DECLARE
    uid bigint;
BEGIN
    -- Deletes a few expired keys.
    DELETE FROM registrations WHERE key IN (
        SELECT r.key FROM registrations r WHERE r.create_time < now() - interval '1 day' AND r.key <> new_key
        ORDER BY r.create_time LIMIT 10 FOR UPDATE SKIP LOCKED);
    INSERT INTO registrations AS r (key) VALUES (new_key)
        ON CONFLICT (key) DO UPDATE SET create_time = now() WHERE r.create_time < now() - interval '1 day';
    IF FOUND THEN
        INSERT INTO users (name, password_hash) VALUES (new_name, new_hash) ON CONFLICT DO NOTHING RETURNING id INTO uid;
        IF uid IS NULL THEN
            DELETE FROM registrations WHERE key = new_key;
            RETURN;
        END IF;
        UPDATE registrations r SET user_id = uid, password_hash = new_hash WHERE r.key = new_key;
    END IF;
    RETURN QUERY SELECT u.id, u.name, u.create_time, r.password_hash
        FROM registrations r JOIN users u ON u.id = r.user_id WHERE r.key = new_key;
    IF NOT FOUND THEN
        RAISE 'the key expired just now' USING ERRCODE = 'serialization_failure';
    END IF;
END
$$;

-- Sets a user's password if the old one is still current, and ends all sessions but one.
-- Returns whether it did.
CREATE FUNCTION change_password(uid bigint, old_hash text, new_hash text, kept_token_hash bytea) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    -- A concurrent login with the old password holds a lock on the user's row. The UPDATE
    -- waits for it, and the DELETE is a second statement, so it sees the session of that
    -- login.
    UPDATE users SET password_hash = new_hash WHERE id = uid AND password_hash = old_hash;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM sessions WHERE user_id = uid AND token_hash <> kept_token_hash;
    RETURN true;
END
$$;

CREATE FUNCTION videos_raise_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.revision := OLD.revision + 1;
    RETURN NEW;
END
$$;

-- Reserves disk space for an upload. room is how many bytes may still be written to the
-- disk; a maximum of 0 means unlimited. Returns
--   0  reserved
--   1  the user's bytes would exceed quota_bytes
--   2  the user's videos would exceed quota_videos
--   3  the disk is full
--   4  the user has uploads_max unfinished uploads
-- The lock serialises all calls, so that two uploads together cannot exceed a limit.
CREATE FUNCTION upload_reserve(new_id uuid, video bigint, owner bigint, bytes bigint, is_poster boolean,
                               quota_bytes bigint, quota_videos bigint, uploads_max bigint, room bigint, seconds bigint,
                               copies bigint DEFAULT 1)
RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock('uploads'::regclass::oid::bigint);
    IF uploads_max > 0 AND uploads_max <= (
        SELECT count(*) FROM uploads u
        WHERE u.user_id = owner AND u.finished_at IS NULL AND u.expires_at > now()) THEN
        RETURN 4;
    END IF;
    IF quota_bytes > 0 AND bytes > quota_bytes
        - (SELECT coalesce(sum(v.size), 0) + coalesce(sum(p.size), 0)
           FROM videos v LEFT JOIN posters p ON p.video_id = v.id WHERE v.author_id = owner)
        - (SELECT coalesce(sum(u.length), 0) FROM uploads u
           WHERE u.user_id = owner AND u.finished_at IS NULL AND u.expires_at > now()) THEN
        RETURN 1;
    END IF;
    IF quota_videos > 0 AND NOT is_poster AND quota_videos < (
        SELECT count(*) FROM (
            SELECT v.id FROM videos v WHERE v.author_id = owner AND v.media_key IS NOT NULL
            UNION SELECT u.video_id FROM uploads u
                  WHERE u.user_id = owner AND NOT u.poster AND u.finished_at IS NULL AND u.expires_at > now()
            UNION SELECT video) counted) THEN
        RETURN 2;
    END IF;
    IF bytes::numeric * copies > room
        - (SELECT coalesce(sum(u.length::numeric * u.copies - u.received), 0) FROM uploads u
           WHERE u.finished_at IS NULL AND u.expires_at > now()) THEN
        RETURN 3;
    END IF;
    INSERT INTO uploads (id, video_id, user_id, length, poster, copies, expires_at)
        VALUES (new_id, video, owner, bytes, is_poster, copies, now() + seconds * interval '1 second');
    RETURN 0;
END
$$;

-- Queues the file of a deleted or replaced poster: for now or, when its video can be
-- restored, for the end of the grace period.
CREATE FUNCTION posters_queue_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO video_deletions (video_id, media_key, next_attempt_at) VALUES (OLD.video_id, OLD.media_key,
        coalesce((SELECT purge_at FROM deleted_videos WHERE video_id = OLD.video_id), 'epoch'));
    RETURN NULL;
END
$$;

-- Queues the file of a deleted upload, which may have its final name already.
CREATE FUNCTION uploads_queue_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO video_deletions (video_id, media_key) VALUES (OLD.video_id, OLD.id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

-- Wakes the scheduler.
CREATE FUNCTION video_deletions_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY video_deletions;
    RETURN NULL;
END
$$;

-- Deletes a video and queues its file for the end of the grace period, 0 for now. With a
-- grace period all rows needed to restore the video are kept. Returns false when there is
-- no such video.
CREATE FUNCTION video_delete(vid bigint, grace_s bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    key uuid;
    due_at timestamptz := CASE WHEN grace_s > 0 THEN now() + grace_s * interval '1 second' ELSE 'epoch' END;
BEGIN
    -- A transaction that posts a comment, changes the poster or counts views locks this
    -- row. The next statement therefore sees what it wrote.
    SELECT media_key INTO key FROM videos WHERE id = vid FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF grace_s > 0 THEN
        INSERT INTO deleted_videos (video_id, purge_at, video, comments, posters, traffic)
            SELECT vid, due_at, to_jsonb(v),
                coalesce((SELECT jsonb_agg(to_jsonb(c)) FROM comments c WHERE c.video_id = vid), '[]'),
                coalesce((SELECT jsonb_agg(to_jsonb(p)) FROM posters p WHERE p.video_id = vid), '[]'),
                coalesce((SELECT jsonb_agg(to_jsonb(t)) FROM video_traffic t WHERE t.video_id = vid), '[]')
            FROM videos v WHERE v.id = vid;
    END IF;
    DELETE FROM videos WHERE id = vid;
    IF key IS NOT NULL THEN
        INSERT INTO video_deletions (video_id, media_key, next_attempt_at) VALUES (vid, key, due_at);
    END IF;
    RETURN true;
END
$$;

-- Removes a file from the deletion table. Returns false when the file may be gone.
CREATE FUNCTION file_deletion_cancel(key uuid) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM video_deletions WHERE media_key = key AND next_attempt_at > now() AND leased_by IS NULL;
    RETURN FOUND;
END
$$;

-- Inserts rows that were kept as JSON, with their ids. Columns that no longer exist are
-- left out; columns added since then get their defaults.
CREATE FUNCTION restore_rows(relation regclass, archived jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    columns text := (
        SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND archived->0 ? attname);
BEGIN
    IF jsonb_array_length(archived) > 0 THEN
        EXECUTE format('INSERT INTO %1$s (%2$s) OVERRIDING SYSTEM VALUE'
            ' SELECT %2$s FROM jsonb_populate_recordset(NULL::%1$s, $1)', relation, columns) USING archived;
    END IF;
END
$$;

-- Restores a deleted video. Returns false when it was not deleted, when its grace period
-- is over, or when its file may be gone; in the last case what was kept of it is dropped.
-- A poster whose file may be gone is left out.
CREATE FUNCTION video_restore(vid bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    archived deleted_videos;
BEGIN
    DELETE FROM deleted_videos WHERE video_id = vid AND purge_at > now() RETURNING * INTO archived;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF archived.video->>'media_key' IS NOT NULL
        AND NOT file_deletion_cancel((archived.video->>'media_key')::uuid) THEN
        RETURN false;
    END IF;
    PERFORM restore_rows('videos', jsonb_build_array(archived.video));
    PERFORM restore_rows('comments', archived.comments);
    PERFORM restore_rows('video_traffic', archived.traffic);
    IF file_deletion_cancel((archived.posters->0->>'media_key')::uuid) THEN
        PERFORM restore_rows('posters', archived.posters);
    END IF;
    RETURN true;
END
$$;


-- == Triggers ==

CREATE TRIGGER videos_raise_revision BEFORE UPDATE OF title, description, media_key ON videos
    FOR EACH ROW EXECUTE FUNCTION videos_raise_revision();

CREATE TRIGGER posters_queue_deletion AFTER DELETE OR UPDATE OF media_key ON posters
    FOR EACH ROW EXECUTE FUNCTION posters_queue_deletion();

CREATE TRIGGER uploads_queue_deletion AFTER DELETE ON uploads
    FOR EACH ROW WHEN (OLD.resumable AND OLD.finished_at IS NULL) EXECUTE FUNCTION uploads_queue_deletion();

CREATE TRIGGER video_deletions_notify AFTER INSERT ON video_deletions
    FOR EACH STATEMENT EXECUTE FUNCTION video_deletions_notify();


-- == View ==

-- Every key in use. The scheduler deletes files of any other key as orphans: a migration
-- that adds a column with keys must replace this view.
CREATE VIEW media_references (media_key) AS
    SELECT media_key FROM videos WHERE media_key IS NOT NULL
    UNION ALL SELECT media_key FROM video_deletions
    UNION ALL SELECT media_key FROM posters
    UNION ALL SELECT id FROM uploads;


-- == Privileges ==

-- fcgi-api
GRANT SELECT ON site_secret, posters, video_traffic TO video_api;
GRANT SELECT, INSERT, UPDATE (password_hash) ON users TO video_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions, idempotency_keys, registrations TO video_api;
GRANT SELECT, INSERT, UPDATE (title, description), DELETE ON videos TO video_api;
GRANT SELECT, INSERT, DELETE ON comments TO video_api;
GRANT SELECT (video_id, purge_at), INSERT ON deleted_videos TO video_api;
-- dead_at: for the counts in /metrics.
GRANT SELECT (dead_at), INSERT ON video_deletions TO video_api;

-- fcgi-stream
GRANT SELECT (token_hash, user_id, use_time, expires_at, ends_at), UPDATE (use_time, expires_at)
    ON sessions TO video_stream;
GRANT SELECT, UPDATE (media_key, content_type, size, upload_time) ON videos TO video_stream;
GRANT SELECT, INSERT, UPDATE ON posters, video_traffic, view_queues TO video_stream;
GRANT SELECT, INSERT, UPDATE, DELETE ON uploads, video_viewers TO video_stream;
GRANT SELECT (video_id, purge_at) ON deleted_videos TO video_stream;
GRANT INSERT ON video_deletions TO video_stream;

-- scheduler
GRANT SELECT (token_hash, expires_at), UPDATE (expires_at), DELETE ON sessions TO video_scheduler;
GRANT SELECT, INSERT, UPDATE (media_key, content_type, size, upload_time), DELETE ON videos TO video_scheduler;
GRANT SELECT, INSERT ON posters, comments, video_traffic TO video_scheduler;
GRANT SELECT, DELETE ON uploads TO video_scheduler;
GRANT SELECT, INSERT, DELETE ON deleted_videos TO video_scheduler;
GRANT SELECT, INSERT, UPDATE, DELETE ON video_deletions TO video_scheduler;
GRANT SELECT, INSERT, UPDATE ON sweeps TO video_scheduler;
GRANT SELECT ON media_references TO video_scheduler;
