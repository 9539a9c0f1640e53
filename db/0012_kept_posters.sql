-- Of a deleted video that can be brought back its poster and its views are kept, too, each as the rows that there are.
ALTER TABLE deleted_videos
    ADD COLUMN posters jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN traffic jsonb NOT NULL DEFAULT '[]';

-- A poster's file is due when the film's is: at once, or when the video can't be brought back any more.
CREATE OR REPLACE FUNCTION posters_queue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO video_deletions (video_id, media_key, next_attempt_at) VALUES (OLD.video_id, OLD.media_key,
        coalesce((SELECT purge_at FROM deleted_videos WHERE video_id = OLD.video_id), 'epoch'));
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION video_retire(vid bigint, grace_s bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    key uuid;
    over timestamptz := CASE WHEN grace_s > 0 THEN now() + grace_s * interval '1 second' ELSE 'epoch' END;
BEGIN
    -- Who makes a comment, changes the poster or counts views holds a lock on the row, and the next statement sees it.
    SELECT media_key INTO key FROM videos WHERE id = vid FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF grace_s > 0 THEN
        INSERT INTO deleted_videos (video_id, purge_at, video, comments, posters, traffic)
            SELECT vid, over, to_jsonb(v),
                coalesce((SELECT jsonb_agg(to_jsonb(c)) FROM comments c WHERE c.video_id = vid), '[]'),
                coalesce((SELECT jsonb_agg(to_jsonb(p)) FROM posters p WHERE p.video_id = vid), '[]'),
                coalesce((SELECT jsonb_agg(to_jsonb(t)) FROM video_traffic t WHERE t.video_id = vid), '[]')
            FROM videos v WHERE v.id = vid;
    END IF;
    DELETE FROM videos WHERE id = vid;
    IF key IS NOT NULL THEN
        INSERT INTO video_deletions (video_id, media_key, next_attempt_at) VALUES (vid, key, over);
    END IF;
    RETURN true;
END
$$;

-- Takes a file off the deletion table. False when it may be gone.
CREATE FUNCTION file_keep(key uuid) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM video_deletions WHERE media_key = key AND next_attempt_at > now() AND leased_by IS NULL;
    RETURN FOUND;
END
$$;

-- A poster whose file may be gone is left out.
CREATE OR REPLACE FUNCTION video_restore(vid bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    kept deleted_videos;
BEGIN
    DELETE FROM deleted_videos WHERE video_id = vid AND purge_at > now() RETURNING * INTO kept;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF kept.video->>'media_key' IS NOT NULL AND NOT file_keep((kept.video->>'media_key')::uuid) THEN
        RETURN false;
    END IF;
    PERFORM restore_rows('videos', jsonb_build_array(kept.video));
    PERFORM restore_rows('comments', kept.comments);
    PERFORM restore_rows('video_traffic', kept.traffic);
    IF file_keep((kept.posters->0->>'media_key')::uuid) THEN
        PERFORM restore_rows('posters', kept.posters);
    END IF;
    RETURN true;
END
$$;

GRANT SELECT (video_id, purge_at) ON deleted_videos TO video_api, video_stream;
GRANT SELECT ON posters TO video_api;
GRANT SELECT, INSERT ON posters, video_traffic TO video_scheduler;
