/* The table of settings: parsing, --help, --check-config and docs/configuration.md follow
 * from it. */
#ifndef LIB_BASE_SETTINGS_H
#define LIB_BASE_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/list.h"

enum setting_kind {
    SETTING_NUMBER,
    SETTING_BYTES,
    SETTING_SECONDS,
    SETTING_CHOICE,
    SETTING_TEXT,
    SETTING_LIST,
};

struct setting {
    const char *name;
    enum setting_kind kind;
    size_t offset; /* of the member in struct config */
    int64_t min, max;
    const char *const *choices; /* max is the index of the last one */
    list_item_check *is_item;   /* of a list */
    const char *items;          /* what the items of a list are, for messages */
    const char *default_value;
    const char *help;    /* one line, without a full stop */
    const char *section; /* of the documentation; NULL: that of the row before */
};

extern const struct setting settings[];
extern const size_t setting_count;

#endif
