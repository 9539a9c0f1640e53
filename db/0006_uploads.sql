-- An upload that has been let in and isn't over: what it may write is set aside for it. Its id is the key of the
-- file that it becomes, so a file that lies at its final place is known by this row until the video's names it.
-- One that isn't resumable ends with its request, in whatever way; then the row is as good as gone, and goes when
-- somebody needs the room. A resumable one may be gone on with until expires_at, and when it has finished its row
-- stays until then, to give the same answer again.
CREATE TABLE uploads (
    id          uuid PRIMARY KEY,
    video_id    bigint NOT NULL REFERENCES videos ON DELETE CASCADE,
    user_id     bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    resumable   boolean NOT NULL DEFAULT false,
    length      bigint NOT NULL CHECK (length > 0),
    received    bigint NOT NULL DEFAULT 0 CHECK (received BETWEEN 0 AND length),
    metadata    text NOT NULL DEFAULT '',
    create_time timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    finished_at timestamptz,
    CHECK (finished_at IS NULL OR resumable)
);
CREATE INDEX uploads_user_id_idx ON uploads (user_id);
CREATE INDEX uploads_video_id_idx ON uploads (video_id);
CREATE INDEX uploads_expires_at_idx ON uploads (expires_at);

-- Sets bytes aside for an upload, or says what is in its way: 0 done, 1 the user's bytes, 2 the user's videos,
-- 3 the disk, of which room is what may still be written. One call at a time decides, so that two can't get
-- together what one may not. A quota of 0 is none.
CREATE FUNCTION upload_reserve(new_id uuid, video bigint, owner bigint, bytes bigint, quota_bytes bigint,
                               quota_videos bigint, room bigint, seconds bigint)
RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock('uploads'::regclass::oid::bigint);
    IF quota_bytes > 0 AND bytes > quota_bytes
        - (SELECT coalesce(sum(v.size), 0) FROM videos v WHERE v.author_id = owner)
        - (SELECT coalesce(sum(u.length), 0) FROM uploads u
           WHERE u.user_id = owner AND u.finished_at IS NULL AND u.expires_at > now()) THEN
        RETURN 1;
    END IF;
    IF quota_videos > 0 AND quota_videos < (
        SELECT count(*) FROM (
            SELECT v.id FROM videos v WHERE v.author_id = owner AND v.media_key IS NOT NULL
            UNION SELECT u.video_id FROM uploads u
                  WHERE u.user_id = owner AND u.finished_at IS NULL AND u.expires_at > now()
            UNION SELECT video) counted) THEN
        RETURN 2;
    END IF;
    IF bytes > room
        - (SELECT coalesce(sum(u.length - u.received), 0) FROM uploads u
           WHERE u.finished_at IS NULL AND u.expires_at > now()) THEN
        RETURN 3;
    END IF;
    INSERT INTO uploads (id, video_id, user_id, length, expires_at)
        VALUES (new_id, video, owner, bytes, now() + seconds * interval '1 second');
    RETURN 0;
END
$$;

GRANT SELECT, INSERT, UPDATE, DELETE ON uploads TO video_stream;
GRANT SELECT, DELETE ON uploads TO video_scheduler;

-- A video's poster. It is a file like any other, so the key of one that goes, with its video or for another,
-- becomes a row of the deletion table.
CREATE TABLE posters (
    video_id     bigint PRIMARY KEY REFERENCES videos ON DELETE CASCADE,
    media_key    uuid NOT NULL UNIQUE,
    content_type text NOT NULL,
    size         bigint NOT NULL CHECK (size > 0)
);

CREATE FUNCTION posters_queue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO video_deletions (video_id, media_key) VALUES (OLD.video_id, OLD.media_key);
    RETURN NULL;
END
$$;
CREATE TRIGGER posters_queue AFTER DELETE OR UPDATE OF media_key ON posters
    FOR EACH ROW EXECUTE FUNCTION posters_queue();

GRANT SELECT (video_id) ON posters TO video_api;
GRANT SELECT, INSERT, UPDATE ON posters TO video_stream;
