#include "lib/base/list.h"

#include <string.h>

static const char separators[] = " ,\t";

bool list_next(const char **list, const char **item, size_t *length)
{
    *item = *list + strspn(*list, separators);
    *length = strcspn(*item, separators);
    *list = *item + *length;
    return *length > 0;
}

bool list_check(const char *list, list_item_check *is_valid)
{
    const char *item;
    size_t length;
    while (list_next(&list, &item, &length))
        if (!is_valid(item, length))
            return false;
    return true;
}

bool list_has(const char *list, const char *text)
{
    const char *item;
    size_t length, wanted = strlen(text);
    while (list_next(&list, &item, &length))
        if (length == wanted && memcmp(item, text, length) == 0)
            return true;
    return false;
}
