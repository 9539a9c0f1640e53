#include "lib/base/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "t/unit/bytes.h"
#include "t/unit/capture.h"
#include "t/unit/tap.h"

static struct config config;
static char error[CONFIG_ERROR_SIZE];

/* Loads the settings with one of them set. */
static bool loads(const char *name, const char *value)
{
    error[0] = '\0';
    setenv(name, value, 1);
    bool good = config_load(&config, error);
    unsetenv(name);
    return good;
}

static void test_defaults(void)
{
    ok(config_load(&config, error), "an empty environment is good");
    is_int(config.port, 8080, "port");
    is_text(config.state_dir, "var", "state folder");
    is_text(config.media_dir, "", "media folder");
    is_text(config.database_url, "", "database");
    is_int(config.stream_tokens, 1000, "stream tokens");
    is_int(config.stream_tokens_per_client, 0, "of one client: no cap");
    is_int(config.upload_tokens, 64, "upload tokens");
    is_int(config.upload_tokens_per_user, 32, "of one user");
    is_int(config.user_uploads, 16, "uploads of a user");
    is_int(config.max_upload_bytes, 250 * 1024 * 1024, "250 MiB");
    is_int(config.session_ttl_s, 300 * 60, "300 minutes");
    is_int(config.scheduler_interval_s, 3, "3 seconds");
    is_int(config.upload_types, UPLOAD_VIDEO, "videos only");
    is_int(config.log_level, LOG_INFO, "log level");
    ok(loads("VS_PORT", ""), "an empty setting");
    is_int(config.port, 8080, "has its default");
}

static void test_good(void)
{
    static const struct {
        const char *name, *value;
        const int64_t *member;
        int64_t expected;
    } rows[] = {
        {"VS_PORT", "1", &config.port, 1},
        {"VS_PORT", "65535", &config.port, 65535},
        {"VS_STREAM_TOKENS_PER_CLIENT", "0", &config.stream_tokens_per_client, 0},
        {"VS_MAX_UPLOAD_BYTES", "1024", &config.max_upload_bytes, 1024},
        {"VS_MAX_UPLOAD_BYTES", "1K", &config.max_upload_bytes, 1024},
        {"VS_MAX_UPLOAD_BYTES", "3M", &config.max_upload_bytes, 3 * 1024 * 1024},
        {"VS_MAX_UPLOAD_BYTES", "2G", &config.max_upload_bytes, 2147483648},
        {"VS_MAX_UPLOAD_BYTES", "16T", &config.max_upload_bytes, 17592186044416},
        {"VS_MAX_UPLOAD_BYTES", "17592186044416", &config.max_upload_bytes, 17592186044416},
        {"VS_SESSION_TTL", "60", &config.session_ttl_s, 60},
        {"VS_SESSION_TTL", "61s", &config.session_ttl_s, 61},
        {"VS_SESSION_TTL", "5m", &config.session_ttl_s, 300},
        {"VS_SESSION_TTL", "2h", &config.session_ttl_s, 7200},
        {"VS_SESSION_TTL", "366d", &config.session_ttl_s, 366 * 86400},
        {"VS_UPLOAD_TYPES", "any", &config.upload_types, UPLOAD_ANY},
        {"VS_LOG_LEVEL", "error", &config.log_level, LOG_ERROR},
        {"VS_LOG_LEVEL", "debug", &config.log_level, LOG_DEBUG},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ok(loads(rows[i].name, rows[i].value), "%s=%s", rows[i].name, rows[i].value);
        is_int(*rows[i].member, rows[i].expected, "is that value");
    }
    ok(loads("VS_TRUSTED_PROXIES", "192.0.2.1, 10.0.0.0/8 ::1"), "a list");
    is_text(config.trusted_proxies, "192.0.2.1, 10.0.0.0/8 ::1", "is what it is");
    ok(loads("VS_CORS_ORIGINS", "https://a.example,http://b.example:81"), "a list without spaces");
    ok(loads("VS_CORS_ORIGINS", " ,"), "a list of nothing");
    ok(loads("VS_MEDIA_DIR", "/srv/my videos"), "a text");
    is_text(config.media_dir, "/srv/my videos", "is what it is");
}

static void test_bad(void)
{
    static const struct {
        const char *name, *allowed;
        const char *values[16];
    } rows[] = {
        {"VS_PORT",
         "1 to 65535",
         {"0", "65536", "-1", "+1", "080", " 80", "80 ", "8O", "0x50", "1e3", "1K", "80s",
          "99999999999999999999"}},
        {"VS_MAX_UPLOAD_BYTES",
         "1024 to 17592186044416 bytes, or with K, M, G or T",
         {"1023", "0K", "17T", "17592186044417", "K", "1k", "1KB", "1.5M", "1 K", "-1K", "1m", "K1",
          "9223372036854775807T"}},
        {"VS_SESSION_TTL",
         "60 to 31622400 seconds, or with s, m, h or d",
         {"59", "59s", "0m", "367d", "31622401", "s", "5M", "5min", "1.5h", "1h30m", "9223372036854775807d"}},
        {"VS_LOG_LEVEL", "error, warning, info, debug", {"Info", "warn", "2", "info ", "verbose"}},
        {"VS_UPLOAD_TYPES", "video, any", {"mp4", "video,any", "ANY"}},
        {"VS_TRUSTED_PROXIES",
         "addresses such as 192.0.2.1 or ranges such as 10.0.0.0/8, with spaces or commas between",
         {"proxy", "192.0.2.1;192.0.2.2", "192.0.2.1, x", "10.0.0.1/8", "10.0.0.0/33", "unix:"}},
        {"VS_CORS_ORIGINS",
         "origins such as https://example.org, with spaces or commas between",
         {"*", "null", "example.org", "https://a.example/", "https://a.example, *", "https://*.example"}},
    };
    char expected[CONFIG_ERROR_SIZE];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t at = 0; rows[i].values[at]; at++) {
            const char *value = rows[i].values[at];
            ok(!loads(rows[i].name, value), "%s=\"%s\" is refused", rows[i].name, value);
            snprintf(expected, sizeof expected, "%s is \"%s\"; allowed: %s", rows[i].name, value,
                     rows[i].allowed);
            is_text(error, expected, "by its name, its value and what is allowed");
        }
    }
    ok(!loads("VS_PORT", bytes_repeat('9', 5000)), "a huge value");
    ok(strstr(error, "allowed: 1 to 65535"), "leaves room for what is allowed");
}

/* Makes the environment of the lines NAME=value that config_print writes of the settings in effect. */
static void set_printed(void)
{
    char text[8192];
    capture_begin(STDOUT_FILENO);
    config_print(&config);
    snprintf(text, sizeof text, "%s", capture_end());
    clearenv();
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        char *equals = strchr(line, '=');
        if (!equals)
            continue;
        *equals = '\0';
        setenv(line, equals + 1, 1);
    }
}

static void test_print(void)
{
    setenv("VS_SESSION_TTL", "2h", 1);
    setenv("VS_MAX_UPLOAD_BYTES", "1G", 1);
    setenv("VS_UPLOAD_TYPES", "any", 1);
    setenv("VS_MEDIA_DIR", "/srv/media", 1);
    setenv("VS_PORT", "81", 1);
    ok(config_load(&config, error), "some settings");
    set_printed();
    ok(config_load(&config, error), "what is printed can be read");
    is_int(config.session_ttl_s, 7200, "to the same time");
    is_int(config.max_upload_bytes, 1073741824, "the same size");
    is_int(config.upload_types, UPLOAD_ANY, "the same choice");
    is_text(config.media_dir, "/srv/media", "the same text");
    is_int(config.port, 81, "the same number");
}

static void test_run_path(void)
{
    char path[16] = "";
    const struct config there = {.run_dir = "/run/x"};
    ok(config_run_path(&there, "a.sock", path, sizeof path), "a path in the run folder");
    is_text(path, "/run/x/a.sock", "is that");
    ok(config_run_path(&there, "12345678", path, sizeof path), "one that just fits");
    is_text(path, "/run/x/12345678", "is whole");
    ok(!config_run_path(&there, "123456789", path, sizeof path), "one that doesn't fit is refused");
}

int main(void)
{
    clearenv();
    test_defaults();
    test_good();
    test_bad();
    test_run_path();
    test_print();
    return done_testing();
}
