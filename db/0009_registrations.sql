-- What was registered with an Idempotency-Key, for a day. The row and the user come together. Whether a repeat asks for the
-- same is told by the name and the password as it was then, so that nothing that is quick to guess from is kept of it.
CREATE TABLE registrations (
    key           text PRIMARY KEY CHECK (length(key) BETWEEN 1 AND 255),
    create_time   timestamptz NOT NULL DEFAULT now(),
    user_id       bigint REFERENCES users ON DELETE CASCADE,
    password_hash text
);
CREATE INDEX registrations_create_time_idx ON registrations (create_time);

-- Registers a user, unless that was done with this key. One row: the user, and the hash of the password that was first
-- sent with the key; none when the name is taken. It waits for another registration with the same key.
CREATE FUNCTION register_once(new_key text, new_name text, new_hash text)
RETURNS TABLE (user_id bigint, user_name text, user_time timestamptz, first_hash text) LANGUAGE plpgsql AS $$
DECLARE
    uid bigint;
BEGIN
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

GRANT SELECT, INSERT, UPDATE, DELETE ON registrations TO video_api;
