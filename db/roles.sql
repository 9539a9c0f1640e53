-- The roles of the three daemons. None of them can log in: a daemon connects as the user
-- of VS_DATABASE_URL and takes its role with SET ROLE. Running this again changes
-- nothing. It needs CREATEROLE only when a role is missing. Roles belong to the whole
-- cluster, so programs of two databases may create them at the same time.
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
