-- What has been sent of each video, and how often it was watched.
CREATE TABLE video_traffic (
    video_id   bigint PRIMARY KEY REFERENCES videos ON DELETE CASCADE,
    views      bigint NOT NULL DEFAULT 0,
    bytes_sent bigint NOT NULL DEFAULT 0
);

-- Who was sent how much of a video within the last hour; view_time is when that made a view. A row goes when
-- it expires, which is an hour after the view or, without one, after the first byte.
CREATE TABLE video_viewers (
    video_id   bigint NOT NULL REFERENCES videos ON DELETE CASCADE,
    viewer     bigint NOT NULL,
    bytes_sent bigint NOT NULL,
    view_time  timestamptz,
    expires_at timestamptz NOT NULL DEFAULT now() + interval '1 hour',
    PRIMARY KEY (video_id, viewer)
);
CREATE INDEX video_viewers_expires_at_idx ON video_viewers (expires_at);

-- How far each queue of responses has been counted: with the counts, or not at all.
CREATE TABLE view_queues (
    id       uuid PRIMARY KEY,
    position bigint NOT NULL
);

GRANT SELECT ON video_traffic TO video_api;
GRANT SELECT, INSERT, UPDATE ON video_traffic, view_queues TO video_stream;
GRANT SELECT, INSERT, UPDATE, DELETE ON video_viewers TO video_stream;
