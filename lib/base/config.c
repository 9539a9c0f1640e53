#include "lib/base/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/list.h"
#include "lib/base/param.h"
#include "lib/base/settings.h"

enum { ALLOWED_SIZE = 128 };

#define KIB 1024LL

struct unit {
    char suffix; /* 0 ends the list */
    int64_t factor;
};

static const struct unit byte_units[] = {
    {'K', KIB}, {'M', KIB *KIB}, {'G', KIB *KIB *KIB}, {'T', KIB *KIB *KIB *KIB}, {0, 1}};
static const struct unit time_units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {0, 1}};
static const struct unit no_units[] = {{0, 1}};

static const struct unit *units_of(enum setting_kind kind)
{
    return kind == SETTING_BYTES ? byte_units : kind == SETTING_SECONDS ? time_units : no_units;
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
    case SETTING_TEXT: *(const char **)member = text; return true;
    case SETTING_LIST: *(const char **)member = text; return list_check(text, setting->is_item);
    case SETTING_CHOICE: return parse_choice(setting, text, member);
    default: return parse_quantity(setting, text, member);
    }
}

/* Writes which values the setting allows. */
static void describe(const struct setting *setting, char *text, size_t size)
{
    size_t used = 0;
    if (setting->kind == SETTING_TEXT || setting->kind == SETTING_LIST) {
        snprintf(text, size, setting->kind == SETTING_TEXT ? "any text" : "%s, separated by spaces or commas",
                 setting->items);
        return;
    }
    if (setting->kind != SETTING_CHOICE) {
        static const char *const hints[] = {[SETTING_NUMBER] = "",
                                            [SETTING_BYTES] = " bytes, or with K, M, G or T",
                                            [SETTING_SECONDS] = " seconds, or with s, m, h or d"};
        snprintf(text, size, "%" PRId64 " to %" PRId64 "%s", setting->min, setting->max,
                 hints[setting->kind]);
        return;
    }
    for (int64_t i = 0; i <= setting->max && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", setting->choices[i]);
}

bool config_load(struct config *config, char error[CONFIG_ERROR_SIZE])
{
    for (size_t i = 0; i < setting_count; i++) {
        const char *text = getenv(settings[i].name);
        if (!text || !*text)
            text = settings[i].default_value;
        if (!set(config, &settings[i], text)) {
            char allowed[ALLOWED_SIZE];
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
    for (size_t i = 0; i < setting_count; i++) {
        const void *member = (const char *)config + settings[i].offset;
        if (settings[i].kind == SETTING_TEXT || settings[i].kind == SETTING_LIST)
            printf("%s=%s\n", settings[i].name, *(const char *const *)member);
        else if (settings[i].kind == SETTING_CHOICE)
            printf("%s=%s\n", settings[i].name, settings[i].choices[*(const int64_t *)member]);
        else
            printf("%s=%" PRId64 "\n", settings[i].name, *(const int64_t *)member);
    }
}

void config_help(void)
{
    printf("Settings, from the environment (with their defaults):\n");
    for (size_t i = 0; i < setting_count; i++) {
        if (settings[i].section)
            printf("\n%s\n", settings[i].section);
        printf("  %-29s %s (%s)\n", settings[i].name, settings[i].help,
               *settings[i].default_value ? settings[i].default_value : "empty");
    }
}

void config_help_markdown(void)
{
    char allowed[ALLOWED_SIZE];
    printf(
        "# Configuration\n\n"
        "Settings are environment variables, which all programs and `vsctl` read when they start. A program\n"
        "does not start with an invalid value, and the site does not start with an unknown `VS_` "
        "name.\n"
        "`fcgi-api --check-config` prints the settings in effect, or the invalid one.\n"
        "This page is the output of `fcgi-api --help=markdown`; `make docs` writes it.\n");
    for (size_t i = 0; i < setting_count; i++) {
        const struct setting *setting = &settings[i];
        if (setting->section)
            printf("\n## %s\n\n| setting | default | allowed | meaning |\n|---|---|---|---|\n",
                   setting->section);
        describe(setting, allowed, sizeof allowed);
        printf("| `%s` | %s%s%s | %s | %s |\n", setting->name, *setting->default_value ? "`" : "",
               *setting->default_value ? setting->default_value : "empty", *setting->default_value ? "`" : "",
               allowed, setting->help);
    }
}

bool config_run_path(const struct config *config, const char *name, char *path, size_t size)
{
    int length = snprintf(path, size, "%s/%s", config->run_dir, name);
    return length > 0 && (size_t)length < size;
}
