#include "lib/base/settings.h"

#include <stdbool.h>

#include "lib/base/address.h"
#include "lib/base/config.h"
#include "lib/base/log.h"
#include "lib/base/origin.h"

static const char *const upload_type_names[] = {[UPLOAD_VIDEO] = "video", [UPLOAD_ANY] = "any"};

#define AT(member)                 offsetof(struct config, member)
#define NUMBER(member, min, max)   SETTING_NUMBER, AT(member), min, max, NULL, NULL, NULL
#define BYTES(member, min, max)    SETTING_BYTES, AT(member), min, max, NULL, NULL, NULL
#define SECONDS(member, min, max)  SETTING_SECONDS, AT(member), min, max, NULL, NULL, NULL
#define CHOICE(member, names)      SETTING_CHOICE, AT(member), 0, COUNT_OF(names) - 1, names, NULL, NULL
#define TEXT(member)               SETTING_TEXT, AT(member), 0, 0, NULL, NULL, NULL
#define LIST(member, check, items) SETTING_LIST, AT(member), 0, 0, NULL, check, items
#define KIB                        1024LL
#define TIB                        (KIB * KIB * KIB * KIB)

const struct setting settings[] = {
    {"VS_PORT", NUMBER(port, 1, 65535), "8080", "TCP port of the site", "Network"},
    {"VS_HTTP2_PORT", NUMBER(http2_port, 0, 65535), "0",
     "second TCP port, for HTTP/2 without TLS (h2c) from a proxy in front; 0 = none"},
    {"VS_TRUSTED_PROXIES",
     LIST(trusted_proxies, address_is_range, "addresses such as 192.0.2.1 or ranges such as 10.0.0.0/8"), "",
     "addresses or ranges of the proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted"},
    {"VS_CORS_ORIGINS", LIST(cors_origins, origin_is_valid, "origins such as https://example.org"), "",
     "origins of other websites whose pages may use the API for their visitors"},
    {"VS_STATE_DIR", TEXT(state_dir), "var", "folder of the private database, the media and the logs",
     "Folders and database"},
    {"VS_RUN_DIR", TEXT(run_dir), "/run/video-server",
     "folder on tmpfs for sockets, the journal and shared memory"},
    {"VS_MEDIA_DIR", TEXT(media_dir), "",
     "folder of the video files and posters; empty = media/ in VS_STATE_DIR"},
    {"VS_USER", TEXT(user), "www-data",
     "user to run as when started as root; must be the user of the nginx workers"},
    {"VS_DATABASE_URL", TEXT(database_url), "",
     "libpq connection string of an existing PostgreSQL; empty = run a private one"},
    {"VS_DATABASE_TIMEOUT_MS", NUMBER(database_timeout_ms, 100, 60000), "1500",
     "milliseconds that a request may wait for the database"},
    {"VS_API_PROCESSES", NUMBER(api_processes, 1, 64), "1", "worker processes of /api",
     "Processes and threads"},
    {"VS_API_THREADS", NUMBER(api_threads, 1, 64), "16",
     "threads of each /api worker; concurrent reads in one worker are coalesced"},
    {"VS_PASSWORD_THREADS", NUMBER(password_threads, 1, 64), "2",
     "maximum number of passwords hashed at the same time"},
    {"VS_STREAM_PROCESSES", NUMBER(stream_processes, 1, 64), "1", "worker processes of /stream"},
    {"VS_STREAM_THREADS", NUMBER(stream_threads, 1, 64), "4", "threads of each /stream worker"},
    {"VS_UPLOAD_PROCESSES", NUMBER(upload_processes, 1, 64), "1",
     "worker processes for uploads only, which wait for the disk"},
    {"VS_UPLOAD_THREADS", NUMBER(upload_threads, 1, 64), "8", "threads of each upload worker"},
    {"VS_RECEIVE_TIMEOUT", SECONDS(receive_timeout_s, 1, 600), "5s",
     "time for a request to arrive from nginx"},
    {"VS_SHUTDOWN_TIMEOUT", SECONDS(shutdown_timeout_s, 1, 600), "10s",
     "time for running requests to finish after SIGTERM"},
    {"VS_STREAM_TOKENS", NUMBER(stream_tokens, 1, 100000), "1000",
     "maximum number of videos streamed at the same time; further requests get 429", "Streaming"},
    {"VS_STREAM_TOKENS_PER_CLIENT", NUMBER(stream_tokens_per_client, 0, 100000), "0",
     "maximum number of streams per client, which is a session or, without one, an address (0 = unlimited)"},
    {"VS_STREAM_TIMEOUT", SECONDS(stream_timeout_s, 2, 600), "30s",
     "time that nginx waits for a response of the /stream pool"},
    {"VS_STREAM_RATE", BYTES(stream_rate, 0, TIB), "0",
     "bytes per second of one stream, after VS_STREAM_BURST (0 = unlimited)"},
    {"VS_STREAM_BURST", BYTES(stream_burst, 0, TIB), "4M",
     "bytes at the start of a stream that are sent at full speed"},
    {"VS_MAX_UPLOAD_BYTES", BYTES(max_upload_bytes, KIB, 16 * TIB), "250M", "maximum size of a video file",
     "Uploads"},
    {"VS_UPLOAD_TYPES", CHOICE(upload_types, upload_type_names), "video",
     "video = MP4 and WebM, detected by content; any = every file"},
    {"VS_UPLOAD_TOKENS", NUMBER(upload_tokens, 1, 100000), "64",
     "maximum number of uploads received at the same time; further requests get 429"},
    {"VS_UPLOAD_TOKENS_PER_USER", NUMBER(upload_tokens_per_user, 0, 100000), "32",
     "maximum number of simultaneous uploads per user (0 = unlimited)"},
    {"VS_USER_UPLOADS", NUMBER(user_uploads, 0, 1000000000), "16",
     "maximum number of unfinished uploads per user; further ones get 429 (0 = unlimited)"},
    {"VS_USER_QUOTA_BYTES", BYTES(user_quota_bytes, 0, KIB *TIB), "0",
     "maximum total size of a user's video files, posters and unfinished uploads (0 = unlimited)"},
    {"VS_USER_QUOTA_VIDEOS", NUMBER(user_quota_videos, 0, 1000000000), "0",
     "maximum number of a user's videos that have a file (0 = unlimited)"},
    {"VS_DISK_HEADROOM_BYTES", BYTES(disk_headroom_bytes, 0, KIB *TIB), "1G",
     "disk space that uploads leave free; with less, uploads get 507 and everything else works"},
    {"VS_UPLOAD_TTL", SECONDS(upload_ttl_s, 1, 366 * 86400), "1d",
     "time after its last chunk in which a resumable upload can be resumed"},
    {"VS_SESSION_TTL", SECONDS(session_ttl_s, 60, 366 * 86400), "300m",
     "time without use after which a session expires", "Accounts"},
    {"VS_SESSION_MAX", SECONDS(session_max_s, 60, 366 * 86400), "30d",
     "maximum lifetime of a session, however much it is used"},
    {"VS_PASSWORD_MEMORY_KIB", NUMBER(password_memory_kib, 8, 4 * KIB * KIB), "19456",
     "memory of one argon2id hash, in KiB"},
    {"VS_PASSWORD_PASSES", NUMBER(password_passes, 1, 100), "2", "passes of one argon2id hash"},
    {"VS_LOGIN_FAILURES", NUMBER(login_failures, 0, 1000000), "10",
     "wrong passwords in ten minutes for one account from one address; then 429 (0 = unlimited)"},
    {"VS_LOGIN_FAILURES_PER_ADDRESS", NUMBER(login_failures_per_address, 0, 1000000), "100",
     "wrong passwords in ten minutes from one address; then 429 (0 = unlimited)"},
    {"VS_LOGIN_FAILURES_PER_ACCOUNT", NUMBER(login_failures_per_account, 0, 1000000), "100",
     "wrong passwords in ten minutes for one account; then each attempt counts as five (0 = unlimited)"},
    {"VS_REGISTRATIONS_PER_ADDRESS", NUMBER(registrations_per_address, 0, 1000000), "100",
     "users registered in one hour from one address; then 429 (0 = unlimited)"},
    {"VS_DELETE_GRACE", SECONDS(delete_grace_s, 0, 366 * 86400), "0",
     "time in which a deleted video can be restored (vsctl videos restore); its files stay on the disk "
     "until then",
     "Deletion"},
    {"VS_ORPHAN_AGE", SECONDS(orphan_age_s, 1, 366 * 86400), "1h",
     "orphaned files older than this are deleted"},
    {"VS_SCHEDULER_INTERVAL", SECONDS(scheduler_interval_s, 1, 86400), "3s",
     "interval at which the scheduler looks for work without being notified"},
    {"VS_SCHEDULER_ATTEMPTS", NUMBER(scheduler_attempts, 1, 1000), "10",
     "failed attempts after which a deletion is left to the operator (vsctl deletions)"},
    {"VS_LOG_LEVEL", CHOICE(log_level, log_level_names), "info", "least severe level that is logged",
     "Logging"},
};

const size_t setting_count = COUNT_OF(settings);
