#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "list.h"
#include "log.h"
#include "origin.h"
#include "param.h"

enum setting_kind { KIND_NUMBER, KIND_BYTES, KIND_SECONDS, KIND_CHOICE, KIND_TEXT, KIND_LIST };

struct setting {
    const char *name;
    enum setting_kind kind;
    size_t offset;
    int64_t min, max;
    const char *const *choices; /* max is the last one's index */
    list_item_check *is_item;   /* of a list */
    const char *items;          /* what they are */
    const char *standard;
    const char *help;
};

static const char *const upload_type_names[] = {[UPLOAD_VIDEO] = "video", [UPLOAD_ANY] = "any"};

#define AT(member)                 offsetof(struct config, member)
#define NUMBER(member, min, max)   KIND_NUMBER, AT(member), min, max, NULL, NULL, NULL
#define BYTES(member, min, max)    KIND_BYTES, AT(member), min, max, NULL, NULL, NULL
#define SECONDS(member, min, max)  KIND_SECONDS, AT(member), min, max, NULL, NULL, NULL
#define CHOICE(member, names)      KIND_CHOICE, AT(member), 0, COUNT_OF(names) - 1, names, NULL, NULL
#define TEXT(member)               KIND_TEXT, AT(member), 0, 0, NULL, NULL, NULL
#define LIST(member, check, items) KIND_LIST, AT(member), 0, 0, NULL, check, items
#define KIB                        1024LL
#define TIB                        (KIB * KIB * KIB * KIB)

static const struct setting settings[] = {
    {"VS_PORT", NUMBER(port, 1, 65535), "8080", "TCP port of the site"},
    {"VS_HTTP2_PORT", NUMBER(http2_port, 0, 65535), "0",
     "one more, for HTTP/2 without TLS from a proxy in front; 0 is none"},
    {"VS_STATE_DIR", TEXT(state_dir), "var", "folder of the database cluster, media and logs"},
    {"VS_RUN_DIR", TEXT(run_dir), "/run/video-server", "folder on tmpfs for sockets and journal"},
    {"VS_TRUSTED_PROXIES",
     LIST(trusted_proxies, address_is_range, "addresses such as 192.0.2.1 or ranges such as 10.0.0.0/8"), "",
     "addresses or ranges of proxies whose X-Forwarded-For and -Proto count"},
    {"VS_CORS_ORIGINS", LIST(cors_origins, origin_is_valid, "origins such as https://example.org"), "",
     "origins whose pages may use the API; if empty the site's own only"},
    {"VS_MEDIA_DIR", TEXT(media_dir), "", "folder of the video files; if empty media/ in the state"},
    {"VS_USER", TEXT(user), "www-data", "user to become when started as root; nginx's is the same"},
    {"VS_DATABASE_URL", TEXT(database_url), "", "libpq string; if empty a private PostgreSQL runs"},
    {"VS_DATABASE_TIMEOUT_MS", NUMBER(database_timeout_ms, 100, 60000), "1500",
     "milliseconds that a request may wait for the database"},
    {"VS_API_PROCESSES", NUMBER(api_processes, 1, 64), "1",
     "worker processes of /api; the threads of one share what they read at a time"},
    {"VS_API_THREADS", NUMBER(api_threads, 1, 64), "16", "threads of each of them"},
    {"VS_PASSWORD_THREADS", NUMBER(password_threads, 1, 64), "2", "threads that hash passwords"},
    {"VS_STREAM_PROCESSES", NUMBER(stream_processes, 1, 64), "1", "worker processes of /stream"},
    {"VS_STREAM_THREADS", NUMBER(stream_threads, 1, 64), "4", "threads of each of them"},
    {"VS_UPLOAD_PROCESSES", NUMBER(upload_processes, 1, 64), "1",
     "worker processes that uploads have for themselves, since they wait for the disk"},
    {"VS_UPLOAD_THREADS", NUMBER(upload_threads, 1, 64), "8", "threads of each of them"},
    {"VS_RECEIVE_TIMEOUT", SECONDS(receive_timeout_s, 1, 600), "5s",
     "how long a request may take to arrive from nginx"},
    {"VS_SHUTDOWN_TIMEOUT", SECONDS(shutdown_timeout_s, 1, 600), "10s",
     "how long requests may run on after SIGTERM"},
    {"VS_STREAM_TOKENS", NUMBER(stream_tokens, 1, 100000), "1000", "videos sent at one time"},
    {"VS_STREAM_TOKENS_PER_CLIENT", NUMBER(stream_tokens_per_client, 0, 100000), "0",
     "of these to one client; 0 is no cap"},
    {"VS_STREAM_TIMEOUT", SECONDS(stream_timeout_s, 2, 600), "30s",
     "how long nginx waits for /stream's pool"},
    {"VS_STREAM_RATE", BYTES(stream_rate, 0, TIB), "0", "bytes a second of one stream; 0 is no limit"},
    {"VS_STREAM_BURST", BYTES(stream_burst, 0, TIB), "4M", "bytes of it that go at full speed before that"},
    {"VS_UPLOAD_TOKENS", NUMBER(upload_tokens, 1, 100000), "64", "uploads received at one time"},
    {"VS_UPLOAD_TOKENS_PER_USER", NUMBER(upload_tokens_per_user, 0, 100000), "32",
     "of these from one user; 0 is no cap"},
    {"VS_MAX_UPLOAD_BYTES", BYTES(max_upload_bytes, KIB, 16 * TIB), "250M", "largest video file"},
    {"VS_USER_QUOTA_BYTES", BYTES(user_quota_bytes, 0, KIB *TIB), "0",
     "what a user's videos and posters may have together; 0 is no quota"},
    {"VS_USER_QUOTA_VIDEOS", NUMBER(user_quota_videos, 0, 1000000000), "0",
     "videos with a file that a user may have; 0 is no quota"},
    {"VS_USER_UPLOADS", NUMBER(user_uploads, 0, 1000000000), "16",
     "uploads that a user may have begun and not ended; 0 is no limit"},
    {"VS_DISK_HEADROOM_BYTES", BYTES(disk_headroom_bytes, 0, KIB *TIB), "1G",
     "what uploads leave free on the disk"},
    {"VS_UPLOAD_TTL", SECONDS(upload_ttl_s, 1, 366 * 86400), "1d",
     "how long an upload can be gone on with, from its last piece on"},
    {"VS_UPLOAD_TYPES", CHOICE(upload_types, upload_type_names), "video",
     "video: MP4 and WebM by content; any: whatever comes"},
    {"VS_SESSION_TTL", SECONDS(session_ttl_s, 60, 366 * 86400), "300m",
     "how long a session lasts from its last use"},
    {"VS_SESSION_MAX", SECONDS(session_max_s, 60, 366 * 86400), "30d",
     "how long it lasts at most, however much it is used"},
    {"VS_PASSWORD_MEMORY_KIB", NUMBER(password_memory_kib, 8, 4 * KIB * KIB), "19456",
     "memory of an argon2id hash"},
    {"VS_PASSWORD_PASSES", NUMBER(password_passes, 1, 100), "2", "passes of an argon2id hash"},
    {"VS_LOGIN_FAILURES", NUMBER(login_failures, 0, 1000000), "10",
     "wrong passwords for one account from one address in ten minutes; 0 is no limit"},
    {"VS_LOGIN_FAILURES_PER_ADDRESS", NUMBER(login_failures_per_address, 0, 1000000), "100",
     "wrong passwords from one address in ten minutes; 0 is no limit"},
    {"VS_LOGIN_FAILURES_PER_ACCOUNT", NUMBER(login_failures_per_account, 0, 1000000), "100",
     "wrong passwords for one account in ten minutes, above which each counts as five; 0 is no limit"},
    {"VS_REGISTRATIONS_PER_ADDRESS", NUMBER(registrations_per_address, 0, 1000000), "100",
     "users registered from one address in an hour; 0 is no limit"},
    {"VS_SCHEDULER_INTERVAL", SECONDS(scheduler_interval_s, 1, 86400), "3s", "timer of the deletions"},
    {"VS_SCHEDULER_ATTEMPTS", NUMBER(scheduler_attempts, 1, 1000), "10",
     "failures after which a deletion is left to a person"},
    {"VS_DELETE_GRACE", SECONDS(delete_grace_s, 0, 366 * 86400), "0",
     "how long a deleted video can be brought back"},
    {"VS_ORPHAN_AGE", SECONDS(orphan_age_s, 1, 366 * 86400), "1h",
     "age at which files that nobody knows are removed"},
    {"VS_LOG_LEVEL", CHOICE(log_level, log_level_names), "info", "error, warning, info or debug"},
};

struct unit {
    char suffix; /* 0 ends the list */
    int64_t factor;
};

static const struct unit byte_units[] = {
    {'K', KIB}, {'M', KIB *KIB}, {'G', KIB *KIB *KIB}, {'T', TIB}, {0, 1}};
static const struct unit time_units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {0, 1}};
static const struct unit no_units[] = {{0, 1}};

static const struct unit *units_of(enum setting_kind kind)
{
    return kind == KIND_BYTES ? byte_units : kind == KIND_SECONDS ? time_units : no_units;
}

/* A decimal number with one of the units behind it, within the setting's bounds. */
static bool parse_quantity(const struct setting *setting, const char *text, int64_t *out)
{
    size_t length = strlen(text);
    const struct unit *unit = units_of(setting->kind);
    while (unit->suffix && !(length > 0 && text[length - 1] == unit->suffix))
        unit++;
    int64_t number;
    if (!param_number(text, length - (unit->suffix ? 1 : 0), setting->max / unit->factor, &number))
        return false;
    if (number * unit->factor < setting->min)
        return false;
    *out = number * unit->factor;
    return true;
}

static bool parse_choice(const struct setting *setting, const char *text, int64_t *out)
{
    for (int64_t i = 0; i <= setting->max; i++) {
        if (strcmp(setting->choices[i], text) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool set(struct config *config, const struct setting *setting, const char *text)
{
    void *member = (char *)config + setting->offset;
    switch (setting->kind) {
    case KIND_TEXT: *(const char **)member = text; return true;
    case KIND_LIST: *(const char **)member = text; return list_check(text, setting->is_item);
    case KIND_CHOICE: return parse_choice(setting, text, member);
    default: return parse_quantity(setting, text, member);
    }
}

/* Writes what the setting may be. */
static void describe(const struct setting *setting, char *text, size_t size)
{
    size_t used = 0;
    if (setting->kind == KIND_LIST) {
        snprintf(text, size, "%s, with spaces or commas between", setting->items);
        return;
    }
    if (setting->kind != KIND_CHOICE) {
        static const char *const hints[] = {[KIND_NUMBER] = "",
                                            [KIND_BYTES] = " bytes, or with K, M, G or T",
                                            [KIND_SECONDS] = " seconds, or with s, m, h or d"};
        snprintf(text, size, "%" PRId64 " to %" PRId64 "%s", setting->min, setting->max,
                 hints[setting->kind]);
        return;
    }
    for (int64_t i = 0; i <= setting->max && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", setting->choices[i]);
}

bool config_load(struct config *config, char error[CONFIG_ERROR_SIZE])
{
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        const char *text = getenv(settings[i].name);
        if (!text || !*text)
            text = settings[i].standard;
        if (!set(config, &settings[i], text)) {
            char allowed[128];
            describe(&settings[i], allowed, sizeof allowed);
            snprintf(error, CONFIG_ERROR_SIZE, "%s is \"%.100s\"; allowed: %s", settings[i].name, text,
                     allowed);
            return false;
        }
    }
    return true;
}

void config_print(const struct config *config)
{
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        const void *member = (const char *)config + settings[i].offset;
        if (settings[i].kind == KIND_TEXT || settings[i].kind == KIND_LIST)
            printf("%s=%s\n", settings[i].name, *(const char *const *)member);
        else if (settings[i].kind == KIND_CHOICE)
            printf("%s=%s\n", settings[i].name, settings[i].choices[*(const int64_t *)member]);
        else
            printf("%s=%" PRId64 "\n", settings[i].name, *(const int64_t *)member);
    }
}

void config_help(void)
{
    printf("Settings, from the environment:\n");
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        printf("  %-28s %s (%s)\n", settings[i].name, settings[i].help,
               *settings[i].standard ? settings[i].standard : "empty");
}

bool config_run_path(const struct config *config, const char *name, char *path, size_t size)
{
    int length = snprintf(path, size, "%s/%s", config->run_dir, name);
    return length > 0 && (size_t)length < size;
}
