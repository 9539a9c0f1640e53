-- The file of an upload in pieces gets its final name before it is the video's. When the upload goes in between, in
-- whatever way, that file goes the way of all files.
CREATE FUNCTION uploads_queue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO video_deletions (video_id, media_key) VALUES (OLD.video_id, OLD.id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER uploads_queue AFTER DELETE ON uploads
    FOR EACH ROW WHEN (OLD.resumable AND OLD.finished_at IS NULL) EXECUTE FUNCTION uploads_queue();
