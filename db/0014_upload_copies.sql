-- What an upload may write to the disk: a film in a form is there twice until it is published, in the form and taken out
-- of it (2).
ALTER TABLE uploads ADD COLUMN copies integer NOT NULL DEFAULT 1 CHECK (copies > 0);

DROP FUNCTION upload_reserve(uuid, bigint, bigint, bigint, boolean, bigint, bigint, bigint, bigint, bigint);
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
GRANT SELECT (dead_at) ON video_deletions TO video_api;
