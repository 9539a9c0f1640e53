-- What was answered to requests with an Idempotency-Key, for a day. The row and what the request made come in one
-- transaction. The fingerprint is the SHA-256 of method, path and body.
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

GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO video_api;
