CREATE TABLE users (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 40),
    password_hash text NOT NULL,
    create_time   timestamptz NOT NULL DEFAULT now()
);

-- Names that look alike are one name: Ann, ANN and Ａｎｎ.
CREATE UNIQUE INDEX users_name_key ON users (lower(normalize(name, NFKC)));

-- The token itself is never stored.
CREATE TABLE sessions (
    token_hash  bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    user_id     bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    create_time timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL
);
CREATE INDEX sessions_user_id_idx ON sessions (user_id);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

-- A video has a file when media_key is set; then the other columns of the file are, too.
CREATE TABLE videos (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    author_id    bigint NOT NULL REFERENCES users,
    title        text NOT NULL CHECK (char_length(title) BETWEEN 1 AND 200),
    description  text NOT NULL DEFAULT '' CHECK (char_length(description) <= 5000),
    create_time  timestamptz NOT NULL DEFAULT now(),
    media_key    uuid UNIQUE,
    content_type text,
    size         bigint CHECK (size > 0),
    upload_time  timestamptz,
    CHECK (num_nulls(media_key, content_type, size, upload_time) IN (0, 4))
);
CREATE INDEX videos_newest_idx ON videos (create_time DESC, id DESC);
CREATE INDEX videos_author_idx ON videos (author_id, create_time DESC, id DESC);

CREATE TABLE comments (
    id        uuid PRIMARY KEY,
    video_id  bigint NOT NULL REFERENCES videos ON DELETE CASCADE,
    author_id bigint NOT NULL REFERENCES users,
    content   text NOT NULL CHECK (char_length(content) BETWEEN 1 AND 1000),
    post_time timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX comments_newest_idx ON comments (video_id, post_time DESC, id DESC);

-- The deletion table: one row for each file that has to go. A row is claimed until leased_until; a
-- dead one is kept, with its last error, and not tried again by itself.
CREATE TABLE video_deletions (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    video_id        bigint NOT NULL,
    media_key       uuid NOT NULL UNIQUE,
    request_time    timestamptz NOT NULL DEFAULT now(),
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    leased_until   timestamptz,
    last_error      text,
    dead_at         timestamptz
);
CREATE INDEX video_deletions_due_idx ON video_deletions (next_attempt_at) WHERE dead_at IS NULL;

CREATE FUNCTION video_deletions_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY video_deletions;
    RETURN NULL;
END
$$;
CREATE TRIGGER video_deletions_notify AFTER INSERT ON video_deletions
    FOR EACH STATEMENT EXECUTE FUNCTION video_deletions_notify();

GRANT SELECT, INSERT ON users TO video_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO video_api;
GRANT SELECT, INSERT, DELETE, UPDATE (title, description) ON videos TO video_api;
GRANT SELECT, INSERT, DELETE ON comments TO video_api;
GRANT INSERT ON video_deletions TO video_api;

GRANT SELECT (token_hash, user_id, expires_at) ON sessions TO video_stream;
GRANT SELECT, UPDATE (media_key, content_type, size, upload_time) ON videos TO video_stream;
GRANT INSERT ON video_deletions TO video_stream;

GRANT SELECT, DELETE ON videos TO video_scheduler;
GRANT SELECT, INSERT, UPDATE, DELETE ON video_deletions TO video_scheduler;
