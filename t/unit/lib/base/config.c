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

/* Loads the settings with one of them set in the environment. */
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
    ok(config_load(&config, error), "an empty environment is valid");
    is_int(config.port, 8080, "the default port is 8080");
    is_text(config.state_dir, "var", "the default state folder is var");
    is_text(config.media_dir, "", "the default media folder is empty");
    is_text(config.database_url, "", "the default database URL is empty");
    is_int(config.stream_tokens, 1000, "the default is 1000 stream tokens");
    is_int(config.stream_tokens_per_client, 0, "streams per client are unlimited by default");
    is_int(config.upload_tokens, 64, "the default is 64 upload tokens");
    is_int(config.upload_tokens_per_user, 32, "the default is 32 upload tokens per user");
    is_int(config.user_uploads, 16, "the default is 16 unfinished uploads per user");
    is_int(config.max_upload_bytes, 250 * 1024 * 1024, "the default maximum size of an upload is 250 MiB");
    is_int(config.session_ttl_s, 300 * 60, "sessions expire after 300 minutes by default");
    is_int(config.scheduler_interval_s, 3, "the default scheduler interval is 3 seconds");
    is_int(config.upload_types, UPLOAD_VIDEO, "only videos can be uploaded by default");
    is_int(config.log_level, LOG_INFO, "the default log level is info");
    ok(loads("VS_PORT", ""), "an empty setting is valid");
    is_int(config.port, 8080, "an empty setting has its default");
}

static void test_valid(void)
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
        ok(loads(rows[i].name, rows[i].value), "%s=%s is accepted", rows[i].name, rows[i].value);
        is_int(*rows[i].member, rows[i].expected, "%s=%s gives that value", rows[i].name, rows[i].value);
    }
    ok(loads("VS_TRUSTED_PROXIES", "192.0.2.1, 10.0.0.0/8 ::1"), "a list of addresses is accepted");
    is_text(config.trusted_proxies, "192.0.2.1, 10.0.0.0/8 ::1", "a list is kept as it is written");
    ok(loads("VS_CORS_ORIGINS", "https://a.example,http://b.example:81"),
       "a list separated by commas alone is accepted");
    ok(loads("VS_CORS_ORIGINS", " ,"), "a list of separators alone is accepted");
    ok(loads("VS_MEDIA_DIR", "/srv/my videos"), "a text with a space is accepted");
    is_text(config.media_dir, "/srv/my videos", "a text is kept as it is written");
}

static void test_invalid(void)
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
         "addresses such as 192.0.2.1 or ranges such as 10.0.0.0/8, separated by spaces or commas",
         {"proxy", "192.0.2.1;192.0.2.2", "192.0.2.1, x", "10.0.0.1/8", "10.0.0.0/33", "unix:"}},
        {"VS_CORS_ORIGINS",
         "origins such as https://example.org, separated by spaces or commas",
         {"*", "null", "https://*.example", /* no wildcards */
          "example.org", "https://a.example/", "https://a.example, *"}},
    };
    char expected[CONFIG_ERROR_SIZE];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t at = 0; rows[i].values[at]; at++) {
            const char *value = rows[i].values[at];
            ok(!loads(rows[i].name, value), "%s=\"%s\" is rejected", rows[i].name, value);
            snprintf(expected, sizeof expected, "%s is \"%s\"; allowed: %s", rows[i].name, value,
                     rows[i].allowed);
            is_text(error, expected, "the error for \"%s\" names the setting, the value and what is allowed",
                    value);
        }
    }
    ok(!loads("VS_PORT", bytes_repeat('9', 5000)), "a value of 5000 digits is rejected");
    ok(strstr(error, "allowed: 1 to 65535"),
       "a long value does not push the allowed values out of the error");
}

/* Replaces the environment with the NAME=value lines that config_print writes. */
static void set_environment_from_print(void)
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
    ok(config_load(&config, error), "five settings are loaded");
    set_environment_from_print();
    ok(config_load(&config, error), "the output of config_print can be loaded");
    is_int(config.session_ttl_s, 7200, "a time survives printing and loading");
    is_int(config.max_upload_bytes, 1073741824, "a size survives printing and loading");
    is_int(config.upload_types, UPLOAD_ANY, "a choice survives printing and loading");
    is_text(config.media_dir, "/srv/media", "a text survives printing and loading");
    is_int(config.port, 81, "a number survives printing and loading");
}

static void test_run_path(void)
{
    char path[16] = "";
    const struct config run_dir_config = {.run_dir = "/run/x"};
    ok(config_run_path(&run_dir_config, "a.sock", path, sizeof path), "a path that fits is written");
    is_text(path, "/run/x/a.sock", "the path is in the run folder");
    ok(config_run_path(&run_dir_config, "12345678", path, sizeof path), "a path that just fits is written");
    is_text(path, "/run/x/12345678", "a path that just fits is not truncated");
    ok(!config_run_path(&run_dir_config, "123456789", path, sizeof path),
       "a path that does not fit is rejected");
}

int main(void)
{
    clearenv();
    test_defaults();
    test_valid();
    test_invalid();
    test_run_path();
    test_print();
    return done_testing();
}
