-- What the site alone knows. Cursors of pages are signed with it.
CREATE TABLE site_secret (
    alone  boolean PRIMARY KEY DEFAULT true CHECK (alone),
    secret bytea NOT NULL CHECK (length(secret) = 32)
);
-- Two random UUIDs are 244 random bits.
INSERT INTO site_secret (secret)
    VALUES (sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')));

-- A search finds whole words in any order, and any part of the text. pg_trgm comes with PostgreSQL and is a
-- trusted extension: who may make tables in the database may have it.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
ALTER TABLE videos ADD words tsvector NOT NULL
    GENERATED ALWAYS AS (to_tsvector('simple', title || ' ' || description)) STORED;
CREATE INDEX videos_words_idx ON videos USING gin (words);
CREATE INDEX videos_text_idx ON videos USING gin ((title || E'\n' || description) gin_trgm_ops);

CREATE INDEX videos_ready_idx ON videos (create_time DESC, id DESC) WHERE media_key IS NOT NULL;

GRANT SELECT ON site_secret TO video_api;
