-- The roles that the three programs act as. None of them can log in: a program connects as whoever
-- VS_DATABASE_URL names and takes its role on. Needs CREATEROLE only while a role is missing; running
-- it again changes nothing. Roles belong to the whole cluster, so two databases may race to make them.
DO $$
DECLARE
    name text;
    membership text := CASE WHEN current_setting('server_version_num')::int >= 160000
                            THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    FOREACH name IN ARRAY ARRAY['video_api', 'video_stream', 'video_scheduler'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;
            END;
        END IF;
        IF NOT pg_has_role(current_user, name, membership) THEN
            EXECUTE format('GRANT %I TO %I', name, current_user);
        END IF;
    END LOOP;
END
$$;
